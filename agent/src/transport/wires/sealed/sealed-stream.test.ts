import { randomBytes } from 'node:crypto'
import type { MessageStream } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { describe, expect, it } from 'vitest'
import { readStatusOf } from '../../libp2p/hidden-parts.ts'
import { until } from '../../../../../test/support/until.ts'
import { RecordKeys } from './record-keys.ts'
import { recordBytes, RecordReader } from './record-reader.ts'
import { SealedStream } from './sealed-stream.ts'
import { TlsCarrier } from './tls-carrier.ts'

const nothing = () => ({ early: [], reader: new RecordReader() })

/** Two ends that share keys; `pass` may change what one sends to the other. */
function sealedPair(pass: (data: Buffer) => Buffer[] = data => [data]) {
  const [nearRaw, farRaw] = multiaddrConnectionPair()
  const send = nearRaw.send.bind(nearRaw)
  nearRaw.send = data => pass(Buffer.from(data.subarray())).every(send)
  const [one, other] = [randomBytes(44), randomBytes(44)]
  const keys = (sealing: Buffer, opening: Buffer) => ({
    sealing: new RecordKeys(sealing),
    opening: new RecordKeys(opening),
  })
  const near = new SealedStream(nearRaw, keys(one, other), nothing(), recordBytes)
  const far = new SealedStream(farRaw, keys(other, one), nothing(), recordBytes)
  return { near, far, nearRaw, farRaw, text: textOf(far) }
}

function textOf(stream: MessageStream): () => string {
  let text = ''
  stream.addEventListener('message', ({ data }) => (text += Buffer.from(data.subarray()).toString()))
  return () => text
}

describe('SealedStream', () => {
  it.each([
    ['changed', (data: Buffer) => [data.fill(0, 10, 11)]],
    ['repeated', (data: Buffer) => [data, data]],
    ['followed by a record of TLS', (data: Buffer) => [data, Buffer.from('1703030001aa', 'hex')]],
  ])('ends at both ends when a record is %s on its way', async (_name, pass) => {
    const { near, far, nearRaw, farRaw } = sealedPair(pass)
    near.send(Buffer.from('a message of some length'))
    await until(() => [near, far, nearRaw, farRaw].every(({ status }) => status !== 'open'))
    expect(far.status).toBe('aborted')
  })

  it('delivers nothing of a record that was changed at its end', async () => {
    const { near, far, text } = sealedPair(data => [data.fill(0, data.length - 2)])
    near.send(Buffer.alloc(30_000, 'x'))
    await until(() => far.status !== 'open')
    expect(text()).toBe('')
  })

  it('ignores what TLS says before the first sealed record', async () => {
    const { near, nearRaw, text } = sealedPair()
    nearRaw.send(Buffer.from('1703030001aa', 'hex'))
    near.send(Buffer.from('hello'))
    await until(() => text() === 'hello')
  })
})

describe('TlsCarrier', () => {
  it('reads no more than a window of sealed records before the handshake is over', async () => {
    const [near, far] = multiaddrConnectionPair()
    const carrier = new TlsCarrier(far)
    const record = Buffer.alloc(60_000)
    record.writeUInt32BE(((0x4d << 24) | (record.length - 4)) >>> 0)
    for (let sent = 0; sent < 20; sent++) near.send(record)
    await until(() => readStatusOf(far) === 'paused')
    expect(carrier.release().early.length).toBeLessThan(10)
  })

  it('ends the connection of a peer that speaks something else', async () => {
    const [near, far] = multiaddrConnectionPair()
    const carrier = new TlsCarrier(far).on('error', () => {})
    near.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await until(() => far.status === 'aborted' && carrier.destroyed)
  })
})

import { connect, type TLSSocket } from 'node:tls'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../../../../test/support/until.ts'
import { makeEnd, secured, stopEnds } from '../../testing/tls-ends.ts'
import { OwnCertificate } from '../own-certificate.ts'
import { RecordReader } from './record-reader.ts'
import { TlsCarrier } from './tls-carrier.ts'

afterEach(stopEnds)

/** What a dialler that offers these records receives of 100,000 bytes: the bytes of each record with its tag. */
async function recordsOf(version: string): Promise<number[]> {
  const { encrypter } = await makeEnd('native')
  const [raw, farRaw] = multiaddrConnectionPair()
  const securing = encrypter.secureInbound(farRaw)
  const carrier = new TlsCarrier(raw)
  const certificate = new OwnCertificate(await generateKeyPair('Ed25519'))
  const ALPNProtocols = [`/agent-mesh/sealed/${version}/yamux/1.0.0`]
  const secureContext = await certificate.context()
  const socket: TLSSocket = connect({
    socket: carrier,
    secureContext,
    rejectUnauthorized: false,
    ALPNProtocols,
  })
  const far = await securing
  await until(() => carrier.writableLength === 0)
  carrier.release()
  socket.destroy()
  const reader = new RecordReader()
  const records: number[] = []
  raw.addEventListener('message', ({ data }) => {
    reader.push(data)
    for (let record = reader.next(); record !== undefined; record = reader.next())
      if (record.sealed) records.push(record.bytes)
  })
  far.connection.send(Buffer.alloc(100_000))
  await until(() => records.reduce((sum, bytes) => sum + bytes - 16, 0) === 100_000)
  return records
}

describe('sealed records', () => {
  it.each([
    ['1.0.0', [65_552, 34_480]],
    ['1.1.0', [100_016]],
  ])('of version %s are as long as its peers take them', async (version, bytes) => {
    expect(await recordsOf(version)).toEqual(bytes)
  })

  it('are of the newest version between two ends of this one', async () => {
    const { near, far, farRaw } = await secured('native', 'native', 'stream')
    expect(near.streamMuxer?.protocol).toBe('/yamux/1.0.0')
    let bytes = 0
    const largest: number[] = []
    const reader = new RecordReader()
    farRaw.addEventListener('message', ({ data }) => {
      reader.push(data)
      for (let record = reader.next(); record !== undefined; record = reader.next())
        largest.push(record.bytes)
    })
    far.connection.addEventListener('message', ({ data }) => void (bytes += data.byteLength))
    near.connection.send(Buffer.alloc(100_000))
    await until(() => bytes === 100_000)
    expect(Math.max(...largest)).toBe(100_016)
  })
})

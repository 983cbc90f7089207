import { connect as connectTcp, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import {
  carriers,
  listen,
  makeEnd,
  pattern,
  received,
  secured,
  sendAll,
  stopEnds,
  stops,
  tcpPair,
  type Carrier,
  type Kind,
} from '../testing/tls-ends.ts'
import { NativeTlsStream } from './native-tls-stream.ts'
import { SealedStream } from './sealed/sealed-stream.ts'

afterEach(stopEnds)

const pairs: [Carrier, Kind, Kind][] = [
  ['socket', 'native', 'native'],
  ['socket', 'native', 'stock'],
  ['socket', 'stock', 'native'],
  ['socket', 'stock', 'stock'],
  ['stream', 'native', 'native'],
  ['stream', 'native', 'stock'],
  ['stream', 'stock', 'native'],
]

/** What secures the bytes at one end. */
function streamClass(carrier: Carrier, own: Kind, peer: Kind): string {
  if (own === 'stock') return 'EncryptedMultiaddrConnection'
  if (carrier === 'socket') return NativeTlsStream.name
  return peer === 'native' ? SealedStream.name : 'EncryptedMultiaddrConnection'
}

describe.each(pairs)(
  '/tls/1.0.0 over a %s between a %s dialler and a %s listener',
  (carrier, nearKind, farKind) => {
    it('tells each end who the other is, and agrees on the muxer', async () => {
      const { near, far, nearId, farId } = await secured(nearKind, farKind, carrier)
      expect([near.remotePeer, far.remotePeer].map(String)).toEqual([farId, nearId].map(String))
      expect([near, far].map(end => end.streamMuxer?.protocol)).toEqual(['/yamux/1.0.0', '/yamux/1.0.0'])
      expect([near.connection, far.connection].map(end => end.constructor.name)).toEqual([
        streamClass(carrier, nearKind, farKind),
        streamClass(carrier, farKind, nearKind),
      ])
    })

    it('carries megabytes both ways at once, in order', async () => {
      const { near, far } = await secured(nearKind, farKind, carrier)
      const data = pattern(3_000_000)
      const [atNear, atFar] = [received(near.connection), received(far.connection)]
      await Promise.all([sendAll(near.connection, data), sendAll(far.connection, data)])
      await until(() => atNear.bytes() >= data.length && atFar.bytes() >= data.length)
      expect(atNear.all().equals(data) && atFar.all().equals(data)).toBe(true)
    })

    it('begins although the first bytes of TLS came with the negotiation before it', async () => {
      const [nearEnd, farEnd] = [await makeEnd(nearKind), await makeEnd(farKind)]
      const [nearRaw, farRaw] = await carriers[carrier]()
      const near = nearEnd.encrypter.secureOutbound(nearRaw)
      await until(() => farRaw.readBufferLength > 0)
      const far = await farEnd.encrypter.secureInbound(farRaw)
      far.connection.send(Buffer.from('welcome'))
      const greeting = received((await near).connection)
      await until(() => greeting.all().toString() === 'welcome')
    })

    it('keeps what is sent before anybody listens', async () => {
      const { near, far } = await secured(nearKind, farKind, carrier)
      near.connection.send(Buffer.from('early'))
      await until(() => far.connection.readBufferLength > 0)
      const late = received(far.connection)
      await until(() => late.all().toString() === 'early')
    })

    it('hands nothing on while paused, and all of it after', async () => {
      const { near, far } = await secured(nearKind, farKind, carrier)
      const data = pattern(2_000_000)
      const taken = received(far.connection)
      far.connection.pause()
      const sending = sendAll(near.connection, data)
      const answered = received(near.connection)
      far.connection.send(Buffer.from('still here'))
      await until(() => answered.bytes() > 0)
      expect(taken.bytes()).toBe(0)
      far.connection.resume()
      await sending
      await until(() => taken.bytes() >= data.length)
      expect(taken.all().equals(data)).toBe(true)
    })

    it('delivers what was sent before a close, then ends at both ends without an error', async () => {
      const { near, far, nearRaw, farRaw } = await secured(nearKind, farKind, carrier)
      const taken = received(far.connection)
      const ends: unknown[] = []
      for (const end of [near.connection, far.connection])
        end.addEventListener('close', ({ error }) => ends.push(error))
      near.connection.send(Buffer.from('goodbye'))
      // The stock stream loses what it has not encrypted when the connection below it closes first.
      const isStock = carrier === 'stream' && [nearKind, farKind].includes('stock')
      await (isStock ? near.connection : nearRaw).close({ signal: AbortSignal.timeout(5_000) })
      await until(() => ends.length === 2 && farRaw.status !== 'open')
      expect(taken.all().toString()).toBe('goodbye')
      expect(ends).toEqual([undefined, undefined])
      expect(() => near.connection.send(Buffer.from('more'))).toThrow()
    })

    it('ends at both ends when one aborts', async () => {
      const { near, far, nearRaw, farRaw } = await secured(nearKind, farKind, carrier)
      nearRaw.abort(new Error('no more'))
      await until(() => [near.connection, far.connection, farRaw].every(({ status }) => status !== 'open'))
      expect(near.connection.status).toBe('aborted')
      expect(() => near.connection.send(Buffer.from('x'))).toThrow()
    })

    it('ends the connection when its stream is aborted', async () => {
      const { near, farRaw, nearRaw } = await secured(nearKind, farKind, carrier)
      near.connection.abort(new Error('bad frame'))
      await until(() => nearRaw.status === 'aborted' && farRaw.status !== 'open')
    })

    it('refuses another peer than the one dialled', async () => {
      const [nearEnd, farEnd, other] = [
        await makeEnd(nearKind),
        await makeEnd(farKind),
        await makeEnd('native'),
      ]
      const [nearRaw, farRaw] = await carriers[carrier]()
      const inbound = farEnd.encrypter.secureInbound(farRaw).catch(() => undefined)
      await expect(nearEnd.encrypter.secureOutbound(nearRaw, { remotePeer: other.peerId })).rejects.toThrow()
      await inbound
      await until(() => nearRaw.status !== 'open' && farRaw.status !== 'open')
    })

    it('leaves the muxer open when the ends have none in common', async () => {
      const [nearEnd, farEnd] = [await makeEnd(nearKind, ['/a']), await makeEnd(farKind, ['/b'])]
      const [nearRaw, farRaw] = await carriers[carrier]()
      const ends = await Promise.all([
        nearEnd.encrypter.secureOutbound(nearRaw),
        farEnd.encrypter.secureInbound(farRaw),
      ])
      expect(ends.map(({ streamMuxer }) => streamMuxer)).toEqual([undefined, undefined])
    })
  },
)

describe('native TLS', () => {
  it.each([
    ['garbage', (write: (text: string) => void) => write('GET / HTTP/1.1\r\n\r\n'.repeat(9))],
    ['an end', (_write: unknown, end: () => void) => end()],
  ])('refuses a dialler that sends %s', async (_name, misbehave) => {
    const { encrypter } = await makeEnd('native')
    const { addr, accept } = await listen()
    const port = Number(addr.toString().split('/').at(-1))
    const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
    stops.push(() => socket.destroy())
    const raw = await accept()
    const refused = expect(encrypter.secureInbound(raw)).rejects.toThrow()
    misbehave(
      text => socket.write(text),
      () => socket.end(),
    )
    await refused
    await until(() => raw.status !== 'open' && socket.destroyed)
  })

  it('gives up a handshake that the other end does not go on with', async () => {
    const { encrypter } = await makeEnd('native')
    const [nearRaw, farRaw] = await tcpPair()
    const stop = new AbortController()
    const refused = expect(encrypter.secureOutbound(nearRaw, { signal: stop.signal })).rejects.toThrow(
      'enough',
    )
    await until(() => farRaw.readBufferLength > 0)
    stop.abort(new Error('enough'))
    await refused
    await until(() => nearRaw.status === 'aborted' && farRaw.status !== 'open')
  })

  it('leaves no socket behind, whichever way connections end, with bytes on their way', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
    const before = sockets()
    for (let round = 0; round < 12; round++) {
      const { near, far, nearRaw, farRaw } = await secured('native', 'native')
      for (const { connection } of [near, far]) connection.send(pattern(200_000))
      if (round % 4 === 0) received(far.connection)
      if (round % 4 === 1) farRaw.abort(new Error('no more'))
      // As the TCP listener does when it closes.
      else if (round % 4 === 2) (nearRaw as unknown as { socket: Socket }).socket.destroy()
      else
        await nearRaw
          .close({ signal: AbortSignal.timeout(200) })
          .catch(error => nearRaw.abort(error as Error))
      await until(() => nearRaw.status !== 'open' && farRaw.status !== 'open')
    }
    await until(() => sockets() <= before)
  })
})

import type { MultiaddrConnection, Stream } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import type { Uint8ArrayList } from 'uint8arraylist'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import { FrameReader } from './frame-reader.ts'
import type { FrameHeader, FramingMuxer } from './hidden-parts.ts'
import { leanYamux } from './lean-yamux.ts'

const KiB = 1024
const windowBytes = 256 * KiB
const init = { enableKeepAlive: false, streamOptions: { maxStreamWindowSize: windowBytes } }

let raw: [MultiaddrConnection, MultiaddrConnection]
/** Bytes of each piece in which the reader gets what the stock end sends. */
let cut: number
let sender: Stream
let reader: Stream
let arrived: Buffer[]
let ended: boolean

const bytes = (): Buffer => Buffer.concat(arrived)

/** A stream from the stock muxer to the one with this reader. */
beforeEach(async () => {
  raw = multiaddrConnectionPair() as typeof raw
  cut = Infinity
  const send = raw[0].send.bind(raw[0])
  raw[0].send = data => {
    const all = data.subarray()
    let more = true
    for (let at = 0; at < all.byteLength; at += cut) more = send(all.slice(at, at + cut))
    return more
  }
  const near = yamux(init)().createStreamMuxer(raw[0])
  const far = leanYamux(init)().createStreamMuxer(raw[1])
  const accepted = new Promise<Stream>(resolve =>
    far.addEventListener('stream', ({ detail }) => resolve(detail), { once: true }),
  )
  sender = await near.createStream()
  reader = await accepted
  arrived = []
  ended = false
  reader.addEventListener('message', ({ data }) => arrived.push(Buffer.from(data.subarray())))
  reader.addEventListener('remoteCloseWrite', () => (ended = true))
})

afterEach(() => {
  for (const connection of raw) connection.abort(new Error('the test is over'))
})

/** As it goes over the wire. */
function frame(type: number, flags: number, stream: number, length: number, data = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(12)
  header[1] = type
  header.writeUInt16BE(flags, 2)
  header.writeUInt32BE(stream, 4)
  header.writeUInt32BE(length, 8)
  return Buffer.concat([header, data])
}

describe('frames of yamux', () => {
  it.each([1, 5, 11, 12, 13, 1_000, 65_536])('arrive whole in pieces of %i bytes', async size => {
    cut = size
    const sent = Buffer.from(Array.from({ length: 3_000 }, (_, at) => at % 251))
    for (const part of [sent.subarray(0, 1), sent.subarray(1, 2_000), sent.subarray(2_000)]) sender.send(part)
    await sender.close()
    await until(() => ended)
    expect(bytes().equals(sent)).toBe(true)
  })

  it('that come byte by byte wait in few pieces', () => {
    const pieces: number[] = []
    const handleFrame = ({ data }: { header: FrameHeader; data: Uint8ArrayList }) =>
      void pieces.push([...data].length, data.byteLength)
    const framing = { streams: [], handleFrame } as unknown as FramingMuxer
    const frames = new FrameReader(framing, windowBytes, () => {})
    for (const byte of frame(0, 1, 3, 5_000, Buffer.alloc(5_000))) frames.push(Uint8Array.of(byte))
    expect(pieces[0]).toBeLessThan(300)
    expect(pieces[1]).toBe(5_000)
  })

  it.each([
    ['that open streams', (at: number) => frame(1, 1, 2 * at + 1, 0), 2_000, 31],
    [
      'that open streams with data',
      (at: number) => frame(0, 1, 2 * at + 1, 9_000, Buffer.alloc(9_000)),
      100,
      20,
    ],
    ['of one byte', () => frame(0, 4, 1, 1, Buffer.from('a')), 10_000, 4_064],
    ['that ask for an answer', () => frame(2, 1, 0, 7), 10_000, 4_096],
  ])('%s are held in bounds until their sender is no stranger', (_kind, make, count, most) => {
    const all = Array.from({ length: count }, (_, at) => make(at))
    const handled: number[] = []
    const framing = {
      streams: [],
      handleFrame: ({ header }: { header: FrameHeader }) => void handled.push(header.streamID),
    } as unknown as FramingMuxer
    let held = 0
    const frames = new FrameReader(framing, windowBytes, () => void held++)
    const sent = Buffer.concat(all)
    for (let at = 0; at < sent.length; at += 1_000) frames.push(sent.subarray(at, at + 1_000))
    expect([handled.length, held]).toEqual([most, 1])
    frames.trust()
    expect(handled).toEqual(all.map(each => each.readUInt32BE(4)))
    for (const each of all) frames.push(each)
    expect([handled.length, held]).toEqual([2 * count, 1])
  })

  it('are passed on when all of them is there, and not before', async () => {
    raw[0].send(
      Buffer.concat([frame(0, 0, 1, 1, Buffer.from('a')), frame(0, 0, 1, 100, Buffer.alloc(40, 1))]),
    )
    await until(() => bytes().length > 0)
    expect(bytes().length).toBe(1)
    raw[0].send(Buffer.alloc(60, 1))
    await until(() => bytes().length === 101)
  })

  it('with the end of a stream bring their data first', async () => {
    cut = 7
    raw[0].send(frame(0, 4, 1, 50, Buffer.alloc(50, 3)))
    await until(() => ended)
    expect(bytes()).toEqual(Buffer.alloc(50, 3))
  })

  it('for a stream that is not open are skipped', async () => {
    raw[0].send(Buffer.concat([frame(0, 0, 99, 30, Buffer.alloc(30)), frame(0, 0, 1, 2, Buffer.from('ok'))]))
    await until(() => bytes().length > 0)
    expect(bytes().toString()).toBe('ok')
  })

  it('wait in a stream that is paused, and keep their order', async () => {
    sender.send(Buffer.from('one'))
    await until(() => bytes().length === 3)
    reader.pause()
    sender.send(Buffer.from('two'))
    await until(() => reader.readBufferLength === 3)
    reader.resume()
    sender.send(Buffer.from('three'))
    await until(() => bytes().length === 11)
    expect(bytes().toString()).toBe('onetwothree')
  })

  it.each([
    ['data beyond the window, by its header alone', frame(0, 0, 1, windowBytes + 1)],
    ['data that opens a stream and is larger than any window', frame(0, 1, 3, 2 ** 31)],
    ['another version', Buffer.alloc(12, 1)],
    ['data of the connection itself', frame(0, 0, 0, 0)],
    ['an unknown type', frame(9, 0, 1, 0)],
  ])('end the connection: %s', async (_what, broken) => {
    raw[0].send(broken)
    await until(() => reader.status === 'aborted')
    expect(raw[1].status).toBe('aborted')
  })
})

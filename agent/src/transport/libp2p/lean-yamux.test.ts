import type { MultiaddrConnection, Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { transportDefaults } from '../defaults.ts'
import { leanYamux, trustFrames } from './lean-yamux.ts'

const init = {
  enableKeepAlive: false,
  streamOptions: { maxStreamWindowSize: transportDefaults.maxWindowBytes },
}
const lean = leanYamux(init)
const stock = yamux(init)

interface Pair {
  readonly near: Stream
  readonly far: Stream
  /** Pieces handed to the connections of both ends so far. */
  pieces(): number
  close(): Promise<void>
}

/** A stream between two muxers. */
async function streamBetween(
  nearMuxer: typeof lean,
  farMuxer: typeof lean,
  /** Called while the first bytes are on their way. */
  onConnected: () => void = () => {},
): Promise<Pair> {
  const connections = multiaddrConnectionPair()
  let pieces = 0
  const count = (connection: MultiaddrConnection): MultiaddrConnection => {
    const send = connection.send.bind(connection)
    connection.send = data => {
      pieces += data instanceof Uint8Array ? 1 : [...data].length
      return send(data)
    }
    return connection
  }
  const [a, b] = connections.map(count) as [MultiaddrConnection, MultiaddrConnection]
  const near: StreamMuxer = nearMuxer().createStreamMuxer(a)
  const far: StreamMuxer = farMuxer().createStreamMuxer(b)
  for (const muxer of [near, far]) trustFrames(muxer)
  onConnected()
  const accepted = new Promise<Stream>(resolve =>
    far.addEventListener('stream', ({ detail }) => resolve(detail)),
  )
  const stream = await near.createStream()
  return {
    near: stream,
    far: await accepted,
    pieces: () => pieces,
    close: async () => void (await Promise.all([near.close(), far.close()])),
  }
}

/** Sends `bytes` in portions of `portion` from one end to the other; what arrived. */
async function transfer(from: Stream, to: Stream, bytes: number, portion: number): Promise<Buffer> {
  const received: Buffer[] = []
  let length = 0
  const done = new Promise<void>(resolve =>
    to.addEventListener('message', ({ data }) => {
      received.push(Buffer.from(data.subarray()))
      length += data.byteLength
      if (length >= bytes) resolve()
    }),
  )
  for (let at = 0; at < bytes; at += portion) {
    if (!from.send(pattern(at, Math.min(portion, bytes - at)))) await from.onDrain()
  }
  await done
  return Buffer.concat(received)
}

const pattern = (at: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (at + i) % 251)

describe('lean yamux', () => {
  it.each([
    ['itself', lean, lean],
    ['stock yamux', lean, stock],
    ['a stock dialler', stock, lean],
  ])('carries more than its largest window in order with %s at the other end', async (_who, near, far) => {
    const pair = await streamBetween(near, far)
    const bytes = 3 * transportDefaults.maxWindowBytes + 5
    for (const portion of [100_000, 5_000]) {
      const there = await transfer(pair.near, pair.far, bytes, portion)
      expect(there.equals(Buffer.from(pattern(0, bytes)))).toBe(true)
    }
    const back = await transfer(pair.far, pair.near, bytes, 70_000)
    expect(back.equals(Buffer.from(pattern(0, bytes)))).toBe(true)
    await pair.close()
  })

  it('hands a small message to the connection in one piece and answers none with a window update', async () => {
    const messages = 100
    const counts = await Promise.all(
      [lean, stock].map(async muxer => {
        const pair = await streamBetween(muxer, muxer)
        await transfer(pair.far, pair.near, 10, 10)
        const before = pair.pieces()
        for (let i = 0; i < messages; i++) await transfer(pair.near, pair.far, 1_000, 1_000)
        const pieces = pair.pieces() - before
        await pair.close()
        return pieces
      }),
    )
    expect(counts[0]).toBe(messages)
    expect(counts[1]).toBeGreaterThanOrEqual(3 * messages)
  })

  it('throws nothing outside of its calls where a connection ends in the tick that opens a stream', async () => {
    const [connection] = multiaddrConnectionPair()
    const muxer = lean().createStreamMuxer(connection)
    const thrown: unknown[] = []
    const later = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(callback => {
      void Promise.resolve()
        .then(callback)
        .catch((error: unknown) => thrown.push(error))
    })
    const opened = muxer.createStream()
    const reason = new Error('cut off')
    muxer.abort(reason)
    connection.abort(reason)
    expect((await opened).status).toBe('aborted')
    expect(later).toHaveBeenCalled()
    later.mockRestore()
    await new Promise(setImmediate)
    expect(thrown).toEqual([])
  })

  it('makes the sender wait for a reader that pauses again with what it gets as it resumes', async () => {
    const pair = await streamBetween(lean, lean)
    const bytes = 8 * transportDefaults.maxWindowBytes
    let [read, isSlow] = [0, true]
    pair.far.addEventListener('message', ({ data }) => {
      read += data.byteLength
      if (isSlow) pair.far.pause()
    })
    pair.far.pause()
    pair.near.send(new Uint8Array(bytes))
    for (let resumed = 0; resumed < 3; resumed++) {
      let last = -1
      const isHeldBack = () => last === (last = pair.near.writeBufferLength)
      await vi.waitUntil(isHeldBack, { timeout: 20_000, interval: 50 })
      expect(pair.far.status).toBe('open')
      expect(pair.far.readBufferLength).toBeLessThanOrEqual(transportDefaults.maxWindowBytes)
      pair.far.resume()
    }
    expect(read).toBeLessThan(bytes / 2)
    isSlow = false
    pair.far.resume()
    await vi.waitUntil(() => read === bytes, { timeout: 20_000 })
    await pair.close()
  })

  describe('lets', () => {
    const initial = 256 * 1024
    const pauseMs = (ms: number) => vi.setSystemTime(Date.now() + ms)
    // The clock stands still but for the pauses.
    beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }))
    afterEach(() => void vi.useRealTimers())

    /** Bytes in flight to a reader that stops, after it took three megabytes with a pause before each 64 KiB. */
    async function inFlight(pair: Pair, ms: number): Promise<number> {
      for (let sent = 0; sent < 3 * transportDefaults.maxWindowBytes; sent += 65_536) {
        pauseMs(ms)
        await transfer(pair.near, pair.far, 65_536, 65_536)
      }
      pair.far.pause()
      const bytes = 2 * transportDefaults.maxWindowBytes
      pair.near.send(pattern(0, bytes))
      return bytes - pair.near.writeBufferLength
    }

    it('a fast stream have its largest window in flight', async () => {
      const pair = await streamBetween(lean, lean)
      expect(await inFlight(pair, 0)).toBeGreaterThan(transportDefaults.maxWindowBytes / 2)
    })

    it('a slow stream have the first window in flight and no more', async () => {
      const pair = await streamBetween(lean, lean)
      expect(await inFlight(pair, 100)).toBeLessThanOrEqual(initial)
    })

    it('a stream over a long way grow at the same rate', async () => {
      const pair = await streamBetween(lean, lean, () => pauseMs(300))
      expect(await inFlight(pair, 100)).toBeGreaterThan(initial)
    })
  })
})

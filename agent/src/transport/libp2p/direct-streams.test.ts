import type { StreamMessageEvent } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { targetOf, TestTransports } from '../testing/test-transports.ts'
import { until } from '../../../../test/support/until.ts'
import { handOver, isFree, onChunks, sendPieces } from './direct-streams.ts'

describe('a chunk that arrived', () => {
  const [near, far] = multiaddrConnectionPair()
  const read: string[] = []

  it('goes straight to the reader, and through the stream where one waits before it', async () => {
    expect(handOver(far, Buffer.from('without a reader'))).toBe(false)
    const stop = onChunks(far, chunk => read.push(Buffer.from(chunk).toString()))
    expect(handOver(far, Buffer.from('first'))).toBe(true)
    expect(read).toEqual(['first'])
    far.pause()
    expect(handOver(far, Buffer.from('while it is paused'))).toBe(false)
    near.send(Buffer.from('second'))
    far.resume()
    await until(() => read.length === 2)
    expect(read).toEqual(['first', 'second'])
    stop()
    expect(handOver(far, Buffer.from('after the reader'))).toBe(false)
  })

  it('is sent at once only while the stream takes more', () => {
    expect(isFree(near)).toBe(true)
    expect(sendPieces(near, [Buffer.from('one'), Buffer.from('two')])).toBe(true)
    near.abort(new Error('the test is over'))
    expect(isFree(near)).toBe(false)
  })
})

describe('over a socket', () => {
  let mesh: TestTransports
  beforeEach(async () => {
    mesh = await TestTransports.create()
  })
  afterEach(() => mesh.end())

  it('chunks raise no event of libp2p, at the connection and at the stream', async () => {
    const [a, b] = [await mesh.join('a'), await mesh.join('b')]
    const size = 10_000
    let bytes = 0
    await b.handle('/chunks/1.0.0', stream => stream.onData(chunk => (bytes += chunk.byteLength)))
    const link = await a.connect(targetOf(b))
    const stream = await link.openStream('/chunks/1.0.0')
    stream.send(Buffer.alloc(10))
    await until(() => bytes === 10)
    const dispatch = vi.spyOn(EventTarget.prototype, 'dispatchEvent')
    try {
      for (let round = 1; round <= 20; round++) {
        stream.send(Buffer.alloc(size))
        await until(() => bytes === 10 + round * size)
      }
      // Other streams of the connection may begin meanwhile; their messages are small.
      const sizes = dispatch.mock.calls.map(
        ([event]) => (event as Partial<StreamMessageEvent>).data?.byteLength,
      )
      expect(sizes.filter(length => length !== undefined && length >= size)).toEqual([])
    } finally {
      dispatch.mockRestore()
    }
  })
})

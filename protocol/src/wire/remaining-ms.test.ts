import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeBody, FrameDecoder, FrameEncoder, putRemainingMs, type Frame } from './index.ts'

const framed = (ms: number): Uint8Array => {
  const encoder = new FrameEncoder()
  encoder.request(1, 'a.b', ms, false, encodeBody(null, 'params', 'a.b'))
  return encoder.take()
}

function timeoutIn(bytes: Uint8Array): number {
  const frames: Frame[] = []
  new FrameDecoder(frame => frames.push(frame)).push(bytes)
  const [frame] = frames
  if (frame?.type !== 'request') throw new Error('it is no request')
  return frame.timeoutMs
}

test('a request carries no more time than its caller has left, when it is encoded and when it is sent', () => {
  const clock = fc.integer({ min: 0, max: 4e15 }).map(ns => ns / 1e6)
  const timeout = fc.integer({ min: 1, max: 0xffff_ffff })
  const elapsed = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 50, noNaN: true }))
  fc.assert(
    fc.property(clock, timeout, elapsed, elapsed, (now, ms, before, queued) => {
      const dueAt = now + ms
      const bytes = framed(dueAt - (now + before))
      const encoded = timeoutIn(bytes)
      expect(encoded).toBeLessThanOrEqual(ms)
      expect(encoded).toBeGreaterThanOrEqual(Math.max(0, ms - before - 0.002))
      putRemainingMs(bytes, dueAt - (now + before + queued))
      expect(timeoutIn(bytes)).toBeLessThanOrEqual(encoded)
    }),
  )
})

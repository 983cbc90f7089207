import { expect, it } from 'vitest'
import { FrameAssembler, type CutFrame } from './assembler.ts'
import { encodeBody } from './body.ts'
import { FrameEncoder } from './encoder.ts'

it('a frame in parts that turns out to be malformed is dropped with the rest: what was held for it is given back', () => {
  const held = new Set<CutFrame>()
  const assembler = new FrameAssembler({
    begun: cut => held.add(cut).size > 0,
    complete: cut => void held.delete(cut),
    dropped: cut => void held.delete(cut),
  })
  const encoder = new FrameEncoder()
  encoder.request(4, 'a.b', 5_000, false, encodeBody({ a: 1 }, 'value'))
  const bytes = Buffer.from(encoder.take())
  // The length of the method.
  bytes[16] = 0
  const part = (from: number, to?: number) =>
    assembler.onPart({ type: 'part', id: 4, bytes: bytes.subarray(from, to), left: 0 }, 0)
  part(0, 20)
  expect(held.size).toBe(1)
  expect(() => part(20)).toThrow(expect.objectContaining({ code: 'protocol_error' }) as Error)
  assembler.stop()
  expect(held.size).toBe(0)
})

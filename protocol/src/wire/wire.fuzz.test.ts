import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MeshError } from '../errors.ts'
import { decodeError, encodeBody, FrameDecoder, FrameEncoder, type Frame } from './index.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2_000)
const limits = { headerBytes: 256, bodyBytes: 2_048 }

/** Bytes of valid frames with some of them changed: gets deeper than noise does. */
const mutated = fc
  .tuple(
    fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
  )
  .map(([values, changes]) => {
    const encoder = new FrameEncoder()
    values.forEach((value, i) => encoder.request(i + 1, 'a.b', 9, false, encodeBody(value, 'v')))
    values.forEach((value, i) => encoder.error(i + 1, 'internal', encodeBody(value, 'v'), i % 2 === 0))
    encoder.goingAway(1, 2)
    const data = Uint8Array.from(encoder.take())
    for (const [at, byte] of changes) data[at % data.length] = byte
    return data
  })

/** Reads all that a frame carries, as a link does. */
function read(frame: Frame): void {
  if (frame.type === 'error')
    expect(decodeError(frame.code, frame.body, frame.notStarted)).toBeInstanceOf(MeshError)
  else if ('body' in frame) frame.body.value()
}

function swallow(chunk: Uint8Array, decoder: FrameDecoder): void {
  try {
    decoder.push(chunk)
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    decoder.stop()
  }
}

it('reading frames of any bytes throws nothing but MeshError and keeps memory bounded', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated),
      fc.integer({ min: 1, max: 90 }),
      (data, step) => {
        const decoder = new FrameDecoder(read, limits)
        for (let at = 0; at < data.length; at += step) swallow(data.subarray(at, at + step), decoder)
        expect(decoder.heldCapacity).toBeLessThanOrEqual(4_096)
      },
    ),
    { numRuns },
  )
})

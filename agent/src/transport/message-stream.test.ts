import fc from 'fast-check'
import { MeshError } from '@agent-mesh/protocol'
import { describe, expect, test } from 'vitest'
import { encodeMessage, MessageSplitter } from './message-stream.ts'

const runs = Number(process.env['FUZZ_RUNS'] ?? 200)

/** `bytes` cut at the places given as parts of its length. */
const split = (bytes: Uint8Array, cuts: number[]): Uint8Array[] => {
  const places = [0, ...cuts.map(cut => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b)
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end))
}

const fraction = fc.double({ min: 0, max: 1, noNaN: true })

describe('MessageSplitter', () => {
  test('finds the same messages however the bytes were split', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
        fc.array(fraction),
        (messages, cuts) => {
          const splitter = new MessageSplitter(1_000_000)
          const bytes = Buffer.concat(messages.map(encodeMessage))
          const texts = split(bytes, cuts).flatMap(chunk => splitter.push(chunk))
          expect(texts).toEqual(messages.map(message => JSON.stringify(message)))
        },
      ),
      { numRuns: runs },
    )
  })

  test('refuses a message over the limit before its body arrives', () => {
    const splitter = new MessageSplitter(100)
    expect(() => splitter.push(Uint8Array.of(0, 0, 0, 101))).toThrow(/101 bytes, limit 100/)
  })

  test('throws nothing but MeshError on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), chunks => {
        const splitter = new MessageSplitter(64)
        try {
          for (const chunk of chunks) splitter.push(chunk)
        } catch (error) {
          if (!(error instanceof MeshError)) throw error
        }
      }),
      { numRuns: runs },
    )
  })
})

test('a message that is kept keeps no more memory than its bytes', () => {
  const bytes = encodeMessage({ type: 'é' })
  expect(bytes.buffer.byteLength).toBe(bytes.byteLength)
})

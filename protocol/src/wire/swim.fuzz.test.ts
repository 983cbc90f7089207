import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MeshError } from '../errors.ts'
import { decodeSwim, encodeSwim, swimBytes, swimShards, type SwimMessage } from './swim.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 100)
const peer = fc.stringMatching(/^[1-9A-Za-z]{1,60}$/)
const incarnation = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const key = fc.record({ high: u32, low: u32 })
const proof = fc.stringMatching(/^[\w.-]{1,300}$/)
const news = fc.oneof(
  fc.record({ peerId: peer, incarnation, state: fc.constantFrom('alive' as const, 'left' as const), proof }),
  fc.record({ peerId: peer, incarnation, state: fc.constant('dead' as const), by: peer }),
)
const message: fc.Arbitrary<SwimMessage> = fc.oneof(
  fc.record({ kind: fc.constant('accuse' as const), about: peer, incarnation, closed: fc.boolean() }),
  fc.record({ kind: fc.constant('vouch' as const), about: peer, incarnation }),
  fc.record({ kind: fc.constant('news' as const), news: fc.array(news, { maxLength: 20 }) }),
  fc.record({
    kind: fc.constant('digest' as const),
    hashes: fc.uint32Array({ minLength: 2 * swimShards, maxLength: 2 * swimShards }),
  }),
  fc.record({
    kind: fc.constant('held' as const),
    shards: fc.integer({ min: 0, max: 0xffff }),
    held: fc.array(
      fc.record({
        key,
        incarnation,
        state: fc.constantFrom('alive' as const, 'dead' as const, 'left' as const),
      }),
    ),
  }),
  fc.record({ kind: fc.constant('want' as const), keys: fc.array(key) }),
)

describe('messages of failure detection', () => {
  test('are read as they were written, have the bytes that were announced, and may grow at the end', () => {
    fc.assert(
      fc.property(message, fc.uint8Array({ maxLength: 9 }), (written, behind) => {
        const bytes = encodeSwim(written)
        expect(bytes.length).toBe(swimBytes(written))
        expect(decodeSwim(bytes)).toEqual(written)
        expect(decodeSwim(Buffer.concat([bytes, behind]))).toEqual(written)
      }),
      { numRuns },
    )
  })

  test('that are cut, changed or random are refused with a protocol_error, or are read as others', () => {
    const changed = fc.tuple(message, fc.nat(), fc.nat(255)).map(([written, at, byte]) => {
      const bytes = encodeSwim(written)
      bytes[at % bytes.length] = byte
      return bytes.subarray(0, at % 3 === 0 ? at % bytes.length : bytes.length)
    })
    const random = fc.uint8Array({ maxLength: 400 }).map(bytes => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.oneof(changed, random), bytes => {
        try {
          decodeSwim(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(MeshError)
          expect(error).toHaveProperty('code', 'protocol_error')
        }
      }),
      { numRuns },
    )
  })

  test('say that a member is alive or left with its signature alone', () => {
    for (const state of ['alive', 'left'] as const) {
      const bare = encodeSwim({ kind: 'news', news: [{ peerId: 'a', incarnation: 1, state }] })
      expect(() => decodeSwim(bare)).toThrow(/without proof/)
    }
  })

  test('of a kind that a later version added are skipped', () => {
    expect(decodeSwim(Buffer.from([77, 1, 2, 3]))).toBeUndefined()
  })
})

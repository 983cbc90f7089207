import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fuzzRuns } from '../../../test/support/hostile.ts'
import { bindingResponse, parseBindingRequest } from './message.ts'

const valid = Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)

/** Any bytes, and a request that is cut, grown and changed. */
const datagrams = fc.oneof(
  fc.uint8Array({ maxLength: 700 }),
  fc
    .tuple(
      fc.uint8Array({ maxLength: 64 }),
      fc.array(fc.tuple(fc.nat(83), fc.nat(255)), { maxLength: 4 }),
      fc.boolean(),
    )
    .map(([rest, changes, fits]) => {
      const bytes = Uint8Array.of(...valid, ...rest)
      if (fits) bytes[3] = rest.length
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
      return bytes
    }),
)
const sources = fc.oneof(
  fc.record({ family: fc.constant(4 as const), address: fc.ipV4(), port: fc.nat(65_535) }),
  fc.record({ family: fc.constant(6 as const), address: fc.ipV6(), port: fc.nat(65_535) }),
)

it('reading a datagram never throws, and no answer is more than 24 bytes longer than its request', () =>
  fc.assert(
    fc.property(datagrams, sources, (bytes, source) => {
      const request = parseBindingRequest(bytes)
      if (request === undefined) return
      const answer = bindingResponse(request, source)
      expect(answer.length).toBeLessThanOrEqual(bytes.length + 24)
      expect(answer.subarray(4, 20)).toEqual(bytes.subarray(4, 20))
      expect(answer.length % 4).toBe(0)
    }),
    { numRuns: fuzzRuns },
  ))

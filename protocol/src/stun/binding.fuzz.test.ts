import fc from 'fast-check'
import { isIP } from 'node:net'
import { expect, it } from 'vitest'
import { fuzzRuns } from '../../../test/support/hostile-input.ts'
import { bindingRequest, bindingResponse, mappedAddressIn, parseBindingRequest } from './binding.ts'
import { ipBytes } from './ip-bytes.ts'

const transaction = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
const plain = bindingRequest(transaction)

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
      const bytes = Uint8Array.of(...plain, ...rest)
      if (fits) bytes[3] = rest.length
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
      return bytes
    }),
)
const hosts = fc.oneof(fc.ipV4(), fc.ipV6())

it('reading a request never throws, and no answer is more than 24 bytes longer than it', () =>
  fc.assert(
    fc.property(datagrams, hosts, fc.nat(65_535), (bytes, host, port) => {
      const request = parseBindingRequest(bytes)
      if (request === undefined) return
      const answer = bindingResponse(request, { host, port })
      expect(answer.length).toBeLessThanOrEqual(bytes.length + 24)
      expect(answer.subarray(4, 20)).toEqual(bytes.subarray(4, 20))
      expect(answer.length % 4).toBe(0)
    }),
    { numRuns: fuzzRuns },
  ))

it('an answer tells whoever asked the address that it was asked from', () =>
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 12, maxLength: 12 }),
      fc.boolean(),
      hosts,
      fc.integer({ min: 1, max: 65_535 }),
      (asked, fingerprint, host, port) => {
        const request = parseBindingRequest(bindingRequest(asked))
        expect(request).toBeDefined()
        if (request === undefined) return
        const told = mappedAddressIn(bindingResponse({ ...request, fingerprint }, { host, port }), asked)
        expect(told?.port).toBe(port)
        expect(ipBytes(told?.host ?? '')).toEqual(ipBytes(host))
      },
    ),
    { numRuns: fuzzRuns },
  ))

/** A response whose header is right, so that the fuzz reaches the attributes. */
const response = (attributes: Uint8Array): Buffer => {
  const header = Buffer.from(plain)
  header.writeUInt16BE(0x0101, 0)
  header.writeUInt16BE(attributes.byteLength, 2)
  return Buffer.concat([header, attributes])
}

it('any bytes are read as an address or as none', () => {
  const attribute = fc
    .tuple(
      fc.constantFrom(0, 1, 0x20, 0x8022),
      fc.integer({ min: 0, max: 40 }),
      fc.uint8Array({ maxLength: 24 }),
    )
    .map(([type, length, value]) => Buffer.concat([Buffer.from([type >> 8, type & 255, 0, length]), value]))
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.uint8Array({ maxLength: 64 }).map(response),
    fc.array(attribute, { maxLength: 4 }).map(list => response(Buffer.concat(list))),
  )
  fc.assert(
    fc.property(bytes, message => {
      const address = mappedAddressIn(message, transaction)
      if (address !== undefined) expect(isIP(address.host)).toBeGreaterThan(0)
    }),
    { numRuns: fuzzRuns },
  )
})

import fc from 'fast-check'
import { isIP } from 'node:net'
import { expect, test } from 'vitest'
import { bindingRequest, mappedAddressIn } from './stun-message.ts'

const runs = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 300) }
const id = Buffer.alloc(12, 7)

/** A response whose header is right, so that the fuzz reaches the attributes. */
const response = (attributes: Uint8Array): Buffer => {
  const header = bindingRequest(id)
  header.writeUInt16BE(0x0101, 0)
  header.writeUInt16BE(attributes.byteLength, 2)
  return Buffer.concat([header, attributes])
}

test('any bytes are read as an address or as none', () => {
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
      const address = mappedAddressIn(message, id)
      if (address !== undefined) expect(isIP(address.host)).toBeGreaterThan(0)
    }),
    runs,
  )
})

import fc from 'fast-check'
import { expect, it } from 'vitest'

import { rawSignature } from './raw-signature.ts'

/** A number in DER: without leading zeros, except one if the first bit is set. */
function derInteger(bytes: Uint8Array): number[] {
  const digits = [...bytes]
  while (digits.length > 1 && digits[0] === 0) digits.shift()
  if ((digits[0] ?? 0) >= 0x80) digits.unshift(0)
  return [0x02, digits.length, ...digits]
}

const half = fc.uint8Array({ minLength: 32, maxLength: 32 })

it('reads r and s back from DER, of whatever length they are', () => {
  fc.assert(
    fc.property(half, half, fc.nat(31), fc.nat(31), (r, s, zeros, others) => {
      r.fill(0, 0, zeros)
      s.fill(0, 0, others)
      const body = [...derInteger(r), ...derInteger(s)]
      expect([...rawSignature(Uint8Array.from([0x30, body.length, ...body]))]).toEqual([...r, ...s])
    }),
  )
})

it('refuses everything else with a MeshError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), der => {
      try {
        expect(rawSignature(der)).toHaveLength(64)
      } catch (error) {
        expect(error).toMatchObject({ code: 'internal' })
      }
    }),
  )
})

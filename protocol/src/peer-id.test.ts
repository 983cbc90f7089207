import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as z from 'zod/mini'
import { refusal } from '../../test/support/refusal.ts'
import vectors from '../vectors/peer-id.json' with { type: 'json' }
import { peerIdField } from './fields.ts'
import { peerIdOf, peerIdOfJwk, peerJwk, publicKeyOf } from './peer-id.ts'

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

it.each(vectors.ed25519)('the key $publicKey has the peer id $peerId, both ways', ({ publicKey, peerId }) => {
  expect(peerIdOf(Buffer.from(publicKey, 'hex'))).toBe(peerId)
  expect(Buffer.from(publicKeyOf(peerId)).toString('hex')).toBe(publicKey)
  expect(z.safeParse(peerIdField, peerId).success).toBe(true)
})

it.each(vectors.refused)('a peer id is refused: $why', async ({ peerId }) => {
  expect(await refusal(() => publicKeyOf(peerId))).toMatch(/^invalid_argument: Cannot read peer id /)
  expect(z.safeParse(peerIdField, peerId).success).toBe(false)
})

it('every 32-byte key survives the way through its peer id and its JWK, and the schema takes the id', () => {
  fc.assert(
    fc.property(key32, key => {
      const id = peerIdOf(key)
      expect(publicKeyOf(id)).toEqual(key)
      expect(peerIdOfJwk(peerJwk(id))).toBe(id)
      expect(z.safeParse(peerIdField, id).success).toBe(true)
    }),
  )
})

it('the schema takes exactly the strings that hold a key, at both ends of their range too', async () => {
  const ends = [new Uint8Array(32), new Uint8Array(32).fill(255)].map(peerIdOf)
  for (const id of ends) expect(z.safeParse(peerIdField, id).success).toBe(true)
  const digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  const shaped = fc.string({ unit: fc.constantFrom(...digits), minLength: 44, maxLength: 44 })
  await fc.assert(
    fc.asyncProperty(shaped, async rest => {
      const id = `12D3KooW${rest}`
      expect(z.safeParse(peerIdField, id).success).toBe((await refusal(() => publicKeyOf(id))) === 'accepted')
    }),
  )
})

it('a key of another length or kind has no peer id', async () => {
  expect(await refusal(() => peerIdOf(new Uint8Array(31)))).toBe(
    'invalid_argument: Cannot make peer id: key has 31 bytes, not 32',
  )
  const x = 'A'.repeat(43)
  expect(await refusal(() => peerIdOfJwk({ kty: 'EC', crv: 'P-256', x, y: x }))).toMatch(
    /key is not Ed25519$/,
  )
  expect(await refusal(() => peerIdOfJwk({ kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(42) + 'B' }))).toMatch(
    /^invalid_argument: .*not base64url$/,
  )
})

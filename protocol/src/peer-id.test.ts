import fc from 'fast-check'
import { base58btc } from 'multiformats/bases/base58'
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
  expect(await refusal(() => publicKeyOf(peerId))).toMatch(/^invalid_argument: Cannot read peer id: /)
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

it('the schema takes exactly the base58 that holds an Ed25519 key, at both ends of the range too', () => {
  const holdsKey = (id: string) =>
    Buffer.from(base58btc.baseDecode(id)).toString('hex').startsWith('002408011220')
  const ends = [new Uint8Array(32), new Uint8Array(32).fill(255)].map(peerIdOf)
  for (const id of ends) expect(z.safeParse(peerIdField, id).success).toBe(true)
  const digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  const shaped = fc.string({ unit: fc.constantFrom(...digits), minLength: 44, maxLength: 44 })
  const near = fc.tuple(fc.constantFrom(...ends), shaped, fc.integer({ min: 8, max: 51 }))
  fc.assert(
    fc.property(near, ([end, rest, keep]) => {
      const id = end.slice(0, keep) + rest.slice(keep - 8)
      expect(z.safeParse(peerIdField, id).success).toBe(holdsKey(id))
    }),
    { numRuns: 1_000 },
  )
})

it('a key has one peer id: characters that a decoder passes over are refused', async () => {
  const alias = '12D3KooWQK\ud800wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV'
  expect(peerIdOf(base58btc.baseDecode(alias).slice(6))).not.toBe(alias)
  expect(await refusal(() => publicKeyOf(alias))).toMatch(/^invalid_argument: /)
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

/**
 * Private keys as key files keep them: those of members and those of the mesh. Machines of members read the admin's
 * file that a control plane made.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import * as z from 'zod/mini'

const key32 = z.string().check(z.regex(/^[A-Za-z0-9_-]{43}$/, { error: 'is not 32 bytes of base64url' }))

/** Private JWK of an Ed25519 key (RFC 8037). */
export const privateJwkSchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: key32,
  d: key32,
})
export type PrivateJwk = z.output<typeof privateJwkSchema>

/** Makes a new key. */
export function newPrivateJwk(): PrivateJwk {
  const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return { kty: 'OKP', crv: 'Ed25519', x: String(x), d: String(d) }
}

/** A file edited by hand could pair one key's seed with another's name: every signature would then fail later. */
export const halvesMatch = (jwk: PrivateJwk): boolean =>
  createPublicKey(createPrivateKey({ key: jwk, format: 'jwk' })).export({ format: 'jwk' }).x === jwk.x

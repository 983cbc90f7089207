/**
 * Who a member is: an Ed25519 key pair. The peer id is its public half; the private half never leaves the machine
 * and appears in no log (inspecting an identity shows the peer id alone).
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { MeshError } from '@agent-mesh/protocol/errors'
import { jwkSigner, type Signer } from '@agent-mesh/protocol/jws'
import { peerIdOfJwk } from '@agent-mesh/protocol/peer-id'
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

export interface Identity {
  readonly peerId: string
  readonly publicJwk: { kty: 'OKP'; crv: 'Ed25519'; x: string }
  /** Signs records, home claims and requests. */
  readonly signer: Signer
  /** The private key as transports take it: 32 bytes of seed, 32 bytes of public key. */
  rawPrivateKey(): Uint8Array
  /** What the identity file keeps. */
  privateJwk(): PrivateJwk
}

/** Makes a new key pair. */
export function generateIdentity(): Promise<Identity> {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return identityOf({ kty: 'OKP', crv: 'Ed25519', x: String(jwk.x), d: String(jwk.d) })
}

/** The identity of a private key. @throws MeshError invalid_argument when its two halves do not belong together */
export async function identityOf(jwk: PrivateJwk): Promise<Identity> {
  const publicJwk = { kty: jwk.kty, crv: jwk.crv, x: jwk.x } as const
  const peerId = peerIdOfJwk(publicJwk)
  const signer = await jwkSigner(peerId, jwk)
  const raw = Buffer.concat([Buffer.from(jwk.d, 'base64url'), Buffer.from(jwk.x, 'base64url')])
  const identity = {
    peerId,
    publicJwk,
    signer,
    rawPrivateKey: () => Uint8Array.from(raw),
    privateJwk: () => ({ ...jwk }),
    [inspect.custom]: () => `Identity(${peerId})`,
    toJSON: () => ({ peerId }),
  }
  proveHalvesMatch(identity)
  return identity
}

/** A key file edited by hand could pair one key's seed with another's name: every signature would then fail later. */
function proveHalvesMatch({ peerId, privateJwk }: Identity): void {
  const derived = createPublicKey(createPrivateKey({ key: privateJwk(), format: 'jwk' })).export({
    format: 'jwk',
  })
  if (derived.x !== privateJwk().x)
    throw new MeshError(
      'invalid_argument',
      `Cannot use private key of ${peerId}: its public half is another key's`,
    )
}

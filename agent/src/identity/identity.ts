/**
 * The identity of a member: an Ed25519 key pair. The peer id is its public half; the private half never leaves the machine
 * and appears in no log (inspecting an identity shows the peer id alone).
 */
import { inspect } from 'node:util'
import { MeshError } from '@agent-mesh/protocol/errors'
import { jwkSigner, type Signer } from '@agent-mesh/protocol/jws'
import { peerIdOfJwk } from '@agent-mesh/protocol/peer-id'
import { halvesMatch, newPrivateJwk, type PrivateJwk } from '@agent-mesh/protocol/private-jwk'

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
export const generateIdentity = (): Promise<Identity> => identityOf(newPrivateJwk())

/** The identity of a private key. @throws MeshError invalid_argument when its two halves do not belong together */
export async function identityOf(jwk: PrivateJwk): Promise<Identity> {
  const publicJwk = { kty: jwk.kty, crv: jwk.crv, x: jwk.x } as const
  const peerId = peerIdOfJwk(publicJwk)
  const signer = await jwkSigner(peerId, jwk)
  if (!halvesMatch(jwk))
    throw new MeshError(
      'invalid_argument',
      `Cannot use private key of ${peerId}: its public half is another key's`,
    )
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
  return identity
}

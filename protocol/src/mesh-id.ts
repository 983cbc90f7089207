/** Mesh id: lower-case unpadded RFC 4648 base32 of the RFC 7638 SHA-256 thumbprint of the root public JWK. */
import { calculateJwkThumbprint } from 'jose'
import { base32 } from 'multiformats/bases/base32'
import { base64url } from 'multiformats/bases/base64'
import type { PublicJwk } from './fields.ts'

/** RFC 7638 thumbprint, base64url: the `kid` of authority keys. */
export const thumbprintOf = (jwk: PublicJwk): Promise<string> => calculateJwkThumbprint(jwk, 'sha256')

/** The id of the mesh whose root key this is: 52 characters. */
export async function meshIdOf(root: PublicJwk): Promise<string> {
  return base32.baseEncode(base64url.baseDecode(await thumbprintOf(root)))
}

/**
 * libp2p peer ids of Ed25519 keys: base58btc of the identity multihash of the protobuf `PublicKey`.
 * Source: libp2p specs, peer-ids. Checked against libp2p by vectors/peer-id.json.
 */
import { base58btc } from 'multiformats/bases/base58'
import { base64url } from 'multiformats/bases/base64'
import { MeshError } from './errors.ts'
import { peerIdField, type PublicJwk } from './fields.ts'
import { parse } from './parse.ts'

/** identity multihash (0x00, 36 bytes), then protobuf: type (field 1) Ed25519 (1), data (field 2), 32 bytes. */
const prefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

/** The peer id of a 32-byte Ed25519 public key. @throws MeshError invalid_argument */
export function peerIdOf(publicKey: Uint8Array): string {
  if (publicKey.byteLength !== 32)
    throw new MeshError(
      'invalid_argument',
      `Cannot make peer id: key has ${publicKey.byteLength} bytes, not 32`,
    )
  const bytes = new Uint8Array(prefix.length + 32)
  bytes.set(prefix)
  bytes.set(publicKey, prefix.length)
  return base58btc.baseEncode(bytes)
}

/**
 * The 32-byte Ed25519 public key inside a peer id. The field's pattern is checked first: the decoder also takes
 * characters outside the alphabet, which would give one key several ids.
 * @throws MeshError invalid_argument
 */
export const publicKeyOf = (peerId: string): Uint8Array =>
  base58btc.baseDecode(parse(peerIdField, peerId, 'read peer id')).slice(prefix.length)

/** The public JWK inside a peer id. @throws MeshError invalid_argument */
export const peerJwk = (peerId: string): PublicJwk => ({
  kty: 'OKP',
  crv: 'Ed25519',
  x: base64url.baseEncode(publicKeyOf(peerId)),
})

/** The peer id of an Ed25519 public JWK. @throws MeshError invalid_argument */
export function peerIdOfJwk(jwk: PublicJwk): string {
  if (jwk.kty !== 'OKP') throw new MeshError('invalid_argument', 'Cannot make peer id: key is not Ed25519')
  let key: Uint8Array
  try {
    key = base64url.baseDecode(jwk.x)
  } catch (cause) {
    throw new MeshError('invalid_argument', 'Cannot make peer id: key is not base64url', { cause })
  }
  return peerIdOf(key)
}

/**
 * Checks signatures in the calling thread: 0.1 ms each. WebCrypto takes as much CPU in its own thread and half as much again
 * for the job and the import of the key, which a fleet that joins pays by the thousand.
 */
import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import type { PublicJwk } from './fields.ts'

/** Keys that are kept (a count), some 2 KiB each: authority keys are used all the time, those of members now and again. */
const mostKeys = 512

/** By what names a key: type and coordinates. The oldest is dropped first. */
const keys = new Map<string, KeyObject>()

/** @throws Error when it is no key */
function keyOf(jwk: PublicJwk): KeyObject {
  const name = `${jwk.kty} ${jwk.x} ${'y' in jwk ? jwk.y : ''}`
  const known = keys.get(name)
  if (known !== undefined) return known
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const [oldest] = keys.keys()
  if (keys.size >= mostKeys && oldest !== undefined) keys.delete(oldest)
  keys.set(name, key)
  return key
}

/**
 * The payload of a compact JWS, undefined when its signature is not by this key: Ed25519, or ECDSA on P-256 with SHA-256.
 * @throws Error when the JWK is no key
 */
export function verifiedPayload(jws: string, jwk: PublicJwk): Uint8Array | undefined {
  const end = jws.lastIndexOf('.')
  const signed = Buffer.from(jws.slice(0, end), 'latin1')
  const signature = Buffer.from(jws.slice(end + 1), 'base64url')
  const key = keyOf(jwk)
  const right =
    jwk.kty === 'OKP'
      ? verify(null, signed, key, signature)
      : verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
  if (!right) return undefined
  return Buffer.from(jws.slice(jws.indexOf('.') + 1, end), 'base64url')
}

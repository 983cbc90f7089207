import { createHmac, createPrivateKey, sign } from 'node:crypto'
import type { TestKey } from './mesh-fixture.ts'

/** base64url of JSON, or of the text itself. */
export const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A compact JWS with any header and payload, truly signed by `key` in the algorithm of its type. */
export function forgeJws(header: object, payload: unknown, key: TestKey): string {
  const input = `${part(header)}.${part(payload)}`
  const privateKey = createPrivateKey({ key: { ...key.privateJwk }, format: 'jwk' })
  const signature =
    key.jwk.kty === 'OKP'
      ? sign(null, Buffer.from(input), privateKey)
      : sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

/** A compact JWS whose signature is an HMAC-SHA-512 over `secret`: as long as an Ed25519 signature. */
export function hmacJws(header: object, payload: unknown, secret: Uint8Array): string {
  const input = `${part(header)}.${part(payload)}`
  return `${input}.${createHmac('sha512', secret).update(input).digest('base64url')}`
}

/** `jws` with its payload replaced and its signature kept. */
export function withPayload(jws: string, payload: unknown): string {
  const [header, , signature] = jws.split('.')
  return [header, part(payload), signature].join('.')
}

/** The claims inside a compact JWS, unverified. */
export const claimsOf = (jws: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

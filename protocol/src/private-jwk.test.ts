import { expect, it } from 'vitest'
import { halvesMatch, newPrivateJwk, privateJwkSchema } from './private-jwk.ts'

// RFC 8037, A.1.
const rfc8037 = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
} as const

it('knows which halves belong together', () => {
  expect(halvesMatch(rfc8037)).toBe(true)
  expect(halvesMatch({ ...rfc8037, d: newPrivateJwk().d })).toBe(false)
})

it('makes keys that are whole, another one each time', () => {
  const [one, other] = [newPrivateJwk(), newPrivateJwk()]
  expect(privateJwkSchema.safeParse(one).success).toBe(true)
  expect(halvesMatch(one)).toBe(true)
  expect(other.d).not.toBe(one.d)
})

it.each([
  ['a public key', { ...rfc8037, d: undefined }],
  ['another curve', { ...rfc8037, crv: 'X25519' }],
  ['a seed of 31 bytes', { ...rfc8037, d: rfc8037.d.slice(0, -2) }],
])('refuses %s', (_, jwk) => {
  expect(privateJwkSchema.safeParse(jwk).success).toBe(false)
})

import { generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { testKey } from '../../test/support/mesh-fixture.ts'
import type { PublicJwk } from './fields.ts'
import { signDocument } from './jws.ts'
import { verifiedPayload } from './signature.ts'

it.each([undefined, 'Ed25519', 'P-256'] as const)(
  'a signature by a key (%s) is right for it alone',
  async type => {
    const [key, other] = [await testKey(type), await testKey(type)]
    const jws = await signDocument(key.signer, 'head+jws', { a: 1 })
    const payload = verifiedPayload(jws, key.jwk)
    expect(JSON.parse(Buffer.from(payload ?? []).toString())).toEqual({ a: 1 })
    expect(verifiedPayload(jws, other.jwk)).toBeUndefined()
    const [head = '', body = '', signature = ''] = jws.split('.')
    expect(verifiedPayload(`${head}.${body}A.${signature}`, key.jwk)).toBeUndefined()
    expect(verifiedPayload(`${head}.${body}.${signature.slice(1)}A`, key.jwk)).toBeUndefined()
  },
)

it('a signature of one kind is never right for a key of the other', async () => {
  const [member, authority] = [await testKey(), await testKey('P-256')]
  const jws = await signDocument(member.signer, 'head+jws', { a: 1 })
  expect(verifiedPayload(jws, authority.jwk)).toBeUndefined()
  expect(
    verifiedPayload(await signDocument(authority.signer, 'head+jws', { a: 1 }), member.jwk),
  ).toBeUndefined()
})

it('what is no key throws, and more keys than are kept all work', async () => {
  const point = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } as const
  const key = await testKey()
  const jws = await signDocument(key.signer, 'head+jws', { a: 1 })
  expect(() => verifiedPayload(jws, point)).toThrow()
  for (let i = 0; i < 600; i++) {
    const jwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) as PublicJwk
    expect(verifiedPayload(jws, jwk)).toBeUndefined()
  }
  expect(verifiedPayload(jws, key.jwk)).toBeDefined()
})

import { createPublicKey, sign as nodeSign } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { claimsOf, forgeJws, hmacJws, part, withPayload } from '../../test/support/forged-jws.ts'
import { testKey, type TestKey } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { MeshError } from './errors.ts'
import { jwkSigner, signChecked, signDocument, verifyDocument, verifyMemberDocument } from './jws.ts'

const schema = z.looseObject({ a: z.int() })
const typ = 'member+jws'
const options = { typ, schema, maxBytes: 1_000 } as const

let member: TestKey
let stranger: TestKey
let authority: TestKey
beforeAll(async () => {
  ;[member, stranger, authority] = await Promise.all([testKey(), testKey(), testKey('P-256')])
})

const verify = (jws: string) => refusal(verifyMemberDocument(jws, options))
const header = () => ({ alg: 'EdDSA', typ, kid: member.kid })
const byAuthority = (jws: string) =>
  verifyDocument(jws, {
    ...options,
    typ: 'head+jws',
    keyOf: kid => {
      if (kid === authority.kid) return authority.jwk
      throw new MeshError('unauthenticated', `Cannot verify: ${kid.slice(0, 8)} is unknown`)
    },
  })

it('a signed document gives back its signer and claims, unknown claims too', async () => {
  const jws = await signDocument(member.signer, typ, { a: 1, later: ['x'] })
  expect(await verifyMemberDocument(jws, options)).toEqual({
    kid: member.kid,
    claims: { a: 1, later: ['x'] },
  })
  expect(forgeJws(header(), { a: 1, later: ['x'] }, member)).toBe(jws)
})

it('a P-256 authority signs ES256 and the same checks read it', async () => {
  const jws = await signDocument(authority.signer, 'head+jws', { a: 1 })
  expect(JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({
    alg: 'ES256',
  })
  expect(await byAuthority(jws)).toEqual({ kid: authority.kid, claims: { a: 1 } })
  expect(await refusal(byAuthority(withPayload(jws, { a: 2 })))).toMatch(/^unauthenticated/)
})

it('a document passes for no other type', async () => {
  for (const other of ['home+jws', 'request+jws', 'membership+jwt', 'JWT', ''])
    expect(await verify(forgeJws({ ...header(), typ: other }, { a: 1 }, member))).toBe(
      `unauthenticated: Cannot verify member+jws: typ is ${other}`,
    )
  const { typ: _, ...untyped } = header()
  expect(await verify(forgeJws(untyped, { a: 1 }, member))).toMatch(/lacks alg, typ or kid$/)
})

it.each(['none', 'None', 'HS256', 'HS512', 'RS256', 'ES384', ''])(
  'the algorithm %j is refused',
  async alg => {
    expect(await verify(forgeJws({ ...header(), alg }, { a: 1 }, member))).toMatch(
      /^unauthenticated: .*lacks alg/,
    )
  },
)

it('an HMAC keyed with the public key is refused under any name', async () => {
  const { x } = member.jwk
  const pem = createPublicKey({ key: { ...member.jwk }, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  })
  for (const secret of [Buffer.from(x, 'base64url'), Buffer.from(x), Buffer.from(pem)])
    for (const alg of ['HS256', 'HS512', 'EdDSA', 'ES256'])
      expect(await verify(hmacJws({ ...header(), alg }, { a: 1 }, secret))).toMatch(/^unauthenticated: /)
})

it('the algorithm follows from the key, never from the header', async () => {
  const swapped = forgeJws({ alg: 'EdDSA', typ: 'head+jws', kid: authority.kid }, { a: 1 }, authority)
  expect(await refusal(byAuthority(swapped))).toMatch(/^unauthenticated: /)
  expect(await verify(forgeJws({ ...header(), alg: 'ES256' }, { a: 1 }, member))).toMatch(
    /^unauthenticated: /,
  )
})

it.each(['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'zip'])('the header %s is refused', async name => {
  const value = name === 'jwk' ? stranger.jwk : name === 'crit' ? ['exp'] : name === 'b64' ? false : 'x'
  const jws = forgeJws({ ...header(), [name]: value }, { a: 1 }, name === 'jwk' ? stranger : member)
  expect(await verify(jws)).toBe(`unauthenticated: Cannot verify member+jws: header ${name} is refused`)
})

it('a header that the protocol does not know is ignored', async () => {
  expect(await verify(forgeJws({ ...header(), cty: 'x', later: 1 }, { a: 1 }, member))).toBe('accepted')
})

it.each([
  ['a path', '../../etc/passwd'],
  ['a query', "' OR 1=1 --"],
  ['a prototype member', '__proto__'],
  ['nothing', ''],
  ['a long text', 'x'.repeat(129)],
  ['a number', 7],
])('a kid that is %s names no key', async (_, kid) => {
  expect(await verify(forgeJws({ ...header(), kid }, { a: 1 }, member))).toMatch(
    /^unauthenticated: .*(kid is not a peer id|lacks alg, typ or kid)$/,
  )
})

it('the kid of another member does not cover for a signature', async () => {
  expect(await verify(forgeJws({ ...header(), kid: stranger.kid }, { a: 1 }, member))).toMatch(
    /^unauthenticated: /,
  )
  const unknown = forgeJws({ alg: 'ES256', typ: 'head+jws', kid: 'other' }, { a: 1 }, authority)
  expect(await refusal(byAuthority(unknown))).toMatch(/^unauthenticated: .*other is unknown$/)
})

it('every changed character of a document is noticed', async () => {
  const jws = await signDocument(member.signer, typ, { a: 1 })
  for (let at = 0; at < jws.length; at++) {
    const changed = jws.slice(0, at) + (jws[at] === 'A' ? 'Q' : 'A') + jws.slice(at + 1)
    expect(await verify(changed), `at ${at}`).toMatch(/^unauthenticated: /)
  }
})

it('a signature has one spelling: loose bits, padding and white space are refused', async () => {
  const jws = await signDocument(member.signer, typ, { a: 1 })
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const loose = jws.slice(0, -1) + alphabet[alphabet.indexOf(jws.at(-1) ?? '') + 1]
  for (const other of [loose, `${jws}==`, `${jws}\n`, ` ${jws}`, `${jws.slice(0, -3)} ${jws.slice(-3)}`])
    expect(await verify(other)).toBe('unauthenticated: Cannot verify member+jws: not a compact JWS')
})

it.each(['', '.', '..', 'a.b', 'a.b.c.d', '{}', '\0', '💥.💥.💥'])('%j is no document', async text => {
  expect(await verify(text)).toMatch(/^unauthenticated: .*not a compact JWS$/)
})

it('a header that is not JSON is refused', async () => {
  const signature = `${'A'.repeat(85)}A`
  for (const text of ['x', '[]', '"EdDSA"', 'null', '\u{ff}'])
    expect(await verify(`${part(text)}.${part('{}')}.${signature}`)).toMatch(/^unauthenticated: /)
})

it('size is checked before anything else is done', async () => {
  const huge = 'x'.repeat(5_000_000)
  expect(await verify(huge)).toBe('too_large: Cannot verify member+jws: 5000000 characters, limit 1000')
})

it('a payload that is not UTF-8, not JSON or does not fit is refused although truly signed', async () => {
  for (const payload of ['{', '"\ud800', '[]', '{"a":"1"}', '{"a":1.5}', 'null'])
    expect(await verify(forgeJws(header(), payload, member))).toMatch(
      /^unauthenticated: Cannot verify member/,
    )
  const input = `${part(header())}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}`
  const { privateJwk } = member
  const signature = nodeSign(null, Buffer.from(input), { key: { ...privateJwk }, format: 'jwk' })
  expect(await verify(`${input}.${signature.toString('base64url')}`)).toMatch(/^unauthenticated: /)
})

it('nothing is signed that verifiers would refuse', async () => {
  const sign = (claims: object) =>
    refusal(signChecked(member.signer, { ...options, hint: 'Say less.' }, claims))
  expect(await sign({ a: 'x' })).toBe('invalid_argument: Cannot sign member+jws: a: is not of type number')
  expect(await sign({ a: 1, more: 'x'.repeat(1_000) })).toMatch(
    /^too_large: Cannot sign member\+jws: \d+ bytes, limit 1000$/,
  )
  expect(await sign({ a: 1 })).toBe('accepted')
})

it('a signer is made from a private key of its type alone', async () => {
  const { d, ...rest } = member.privateJwk
  expect(await refusal(jwkSigner('k', rest))).toBe(
    'invalid_argument: Cannot use private key of k: it is a public key',
  )
  const broken = await refusal(jwkSigner('k', { ...rest, d: d.slice(0, 10) }))
  expect(broken).toBe('invalid_argument: Cannot use private key of k: not a valid JWK')
  expect(broken).not.toContain(d.slice(0, 10))
})

it('claims are read only from what was signed', async () => {
  const jws = await signDocument(member.signer, typ, { a: 1 })
  expect(claimsOf(jws)).toEqual({ a: 1 })
  expect(await verify(withPayload(jws, { a: 2 }))).toMatch(/^unauthenticated: .*signature/)
})

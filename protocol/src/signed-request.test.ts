import fc from 'fast-check'
import { expect, it } from 'vitest'
import { claimsOf, forgeJws } from '../../test/support/forged-jws.ts'
import { testKey } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { limits } from './limits.ts'
import { signRequest, sortedQuery, verifyRequest, type RequestParts } from './signed-request.ts'

const now = Date.UTC(2030, 0, 1)
const meshId = 'sd5mv7vjwfkwngcub5ymael2elvdppk46pwtyryjhqlqokbljoeq'
const options = { meshId, now }
const [member, stranger] = await Promise.all([testKey(), testKey()])

const parts: RequestParts = {
  method: 'PUT',
  url: new URL('https://cp.example/v1/members/self?b=2&a=1'),
  body: new TextEncoder().encode('{"record":"x"}'),
}
const header = await signRequest(member.signer, parts, options)
const verify = (changes: Partial<RequestParts>, more: Partial<typeof options> = {}) =>
  refusal(verifyRequest(header, { ...parts, ...changes }, { ...options, ...more }))
const url = (text: string) => ({ url: new URL(text, 'https://cp.example') })

it('a signed request tells who signed it', async () => {
  expect(await verifyRequest(header, parts, options)).toMatchObject({
    peerId: member.kid,
    claims: { htm: 'PUT', path: '/v1/members/self', query: 'a=1&b=2', aud: meshId, iat: now / 1000 },
  })
})

it('a nonce is carried, and only a proper one', async () => {
  const sign = (nonce: string) => signRequest(member.signer, parts, { ...options, nonce })
  const { claims } = await verifyRequest(await sign('n'.repeat(22)), parts, options)
  expect(claims.nonce).toBe('n'.repeat(22))
  expect(await refusal(sign('short'))).toBe(
    'invalid_argument: Cannot sign request+jws: nonce: is not a nonce',
  )
})

it('the order of the query and the name of the host do not matter', async () => {
  expect(await verify(url('/v1/members/self?a=1&b=2'))).toBe('accepted')
  expect(await verify(url('http://10.0.0.1:7000/v1/members/self?b=2&a=1'))).toBe('accepted')
})

it.each([
  ['the method', { method: 'POST' }, /method, path or query/],
  ['the path', url('/v1/members/other?a=1&b=2'), /method, path or query/],
  ['a slash of the path', url('/v1/members/self/?a=1&b=2'), /method, path or query/],
  ['a value of the query', url('/v1/members/self?a=1&b=3'), /method, path or query/],
  ['a pair more in the query', url('/v1/members/self?a=1&b=2&b=2'), /method, path or query/],
  ['a pair less in the query', url('/v1/members/self?a=1'), /method, path or query/],
  ['an escaped separator in the query', url('/v1/members/self?a=1%26b=2'), /method, path or query/],
  ['the body', { body: new TextEncoder().encode('{"record":"y"}') }, /the body is not the signed one/],
  ['the body, left out', { body: new Uint8Array() }, /the body is not the signed one/],
])('a change is refused: %s', async (_, change, reason) => {
  const answer = await verify(change)
  expect(answer).toMatch(/^unauthenticated: Cannot accept request: /)
  expect(answer).toMatch(reason)
})

it('a request for another mesh is refused', async () => {
  expect(await verify({}, { meshId: meshId.replace('s', 't') })).toMatch(
    /^unauthenticated: .*for another mesh$/,
  )
})

it.each([
  [limits.clockSkewMs, 'accepted'],
  [-limits.clockSkewMs, 'accepted'],
  [limits.clockSkewMs + 1, 'clock_skew'],
  [-limits.clockSkewMs - 1, 'clock_skew'],
])('a request %i ms off the server time is %s', async (off, expected) => {
  expect((await verify({}, { now: now + off })).split(':')[0]).toBe(expected)
})

it('a clock error carries the time of the server, for the retry', async () => {
  const later = now + 3600_000
  const error = await verifyRequest(header, parts, { meshId, now: later }).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'clock_skew', details: { now: later }, retriable: true })
})

it('an unproven request does not learn the time of the server', async () => {
  const claims = claimsOf(header.slice('Mesh '.length))
  const forged = forgeJws(
    { alg: 'EdDSA', typ: 'request+jws', kid: member.kid },
    { ...claims, iat: 1 },
    stranger,
  )
  expect(await refusal(verifyRequest(`Mesh ${forged}`, parts, options))).toMatch(
    /^unauthenticated: .*signature/,
  )
})

it.each([
  ['no header', undefined],
  ['an empty header', ''],
  ['another scheme', header.replace('Mesh', 'Bearer')],
  ['no space', header.replace(' ', '')],
  ['a second word', `${header} x`],
  ['a space more', header.replace(' ', '  ')],
  ['the scheme alone', 'Mesh '],
])('%s is no authorization', async (_, value) => {
  expect(await refusal(verifyRequest(value, parts, options))).toMatch(/^unauthenticated: /)
})

it('a header over its limit is refused before it is read', async () => {
  const value = `Mesh ${'a '.repeat(1_000_000)}`
  expect(await refusal(verifyRequest(value, parts, options))).toMatch(/^too_large: .*limit 3072$/)
})

it('path and query at their limits fit the header; longer ones are not signed', async () => {
  const at = (path: number, query: number) =>
    signRequest(
      member.signer,
      { ...parts, ...url(`/${'p'.repeat(path - 1)}?q=${'x'.repeat(query - 2)}`) },
      { ...options, nonce: 'n'.repeat(64) },
    )
  expect((await at(512, 1024)).length).toBeLessThan(limits.authorizationBytes)
  expect(await refusal(at(513, 2))).toMatch(/^invalid_argument: .*path: is over 512 characters$/)
  expect(await refusal(at(2, 1025))).toMatch(/^invalid_argument: .*query: is over 1024 characters$/)
})

it('any pairs in any order give one query', () => {
  const pairs = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })), {
    maxLength: 6,
  })
  const shuffled = pairs.chain(all =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  )
  const at = (all: [string, string][]) => new URL(`https://x/?${new URLSearchParams(all).toString()}`)
  fc.assert(
    fc.property(shuffled, ([all, other]) => {
      expect(sortedQuery(at(other))).toBe(sortedQuery(at(all)))
      expect([...new URLSearchParams(sortedQuery(at(all)))].sort()).toEqual([...at(all).searchParams].sort())
    }),
  )
})

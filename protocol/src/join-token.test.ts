import fc from 'fast-check'
import { expect, it } from 'vitest'
import { part } from '../../test/support/forged-jws.ts'
import { refusal } from '../../test/support/refusal.ts'
import { formatJoinToken, parseJoinToken } from './join-token.ts'
import { redactText } from './redact.ts'

const meshId = 'sd5mv7vjwfkwngcub5ymael2elvdppk46pwtyryjhqlqokbljoeq'
const secret = new Uint8Array(32).fill(7)
const token = formatJoinToken({ url: 'https://cp.example:8443/mesh', meshId, secret })

const withUrl = (url: string) =>
  ['amj1', part(url), meshId, Buffer.from(secret).toString('base64url')].join('.')

it('a token carries the url, the mesh id and the secret', () => {
  expect(parseJoinToken(token)).toEqual({ url: 'https://cp.example:8443/mesh', meshId, secret })
  expect(token).toMatch(/^amj1\.[\w-]+\.[a-z2-7]{52}\.[\w-]{43}$/)
})

it('every token survives being written and read', () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
  const url = fc
    .webUrl()
    .map(text => new URL(text))
    .map(url => (url.origin + url.pathname).replace(/\/+$/, ''))
  fc.assert(
    fc.property(url, bytes, (url, secret) => {
      expect(parseJoinToken(formatJoinToken({ url, meshId, secret }))).toEqual({ url, meshId, secret })
    }),
  )
})

it('white space around a copied token is forgiven, and slashes at the end of its url', () => {
  expect(parseJoinToken(`  ${token}\n`)).toEqual(parseJoinToken(token))
  expect(parseJoinToken(withUrl('http://127.0.0.1:7000///')).url).toBe('http://127.0.0.1:7000')
  expect(parseJoinToken(withUrl('http://127.0.0.1:7000/?')).url).toBe('http://127.0.0.1:7000')
})

it.each([
  ['nothing', '', 'does not begin with amj1'],
  ['another version', token.replace('amj1', 'amj2'), 'does not begin with amj1'],
  ['a part less', token.split('.').slice(0, 3).join('.'), '3 parts, not 4'],
  ['a part more', `${token}.x`, '5 parts, not 4'],
  ['a mesh id in capitals', token.replace(meshId, meshId.toUpperCase()), 'mesh id'],
  ['a mesh id too short', token.replace(meshId, meshId.slice(1)), 'mesh id'],
  ['a short secret', token.slice(0, -4), 'secret has 29 bytes'],
  ['a secret that is not base64url', `${token.slice(0, -1)}!`, 'secret is not base64url'],
  ['a url that is not base64url', token.replace('amj1.', 'amj1.*'), 'url is not base64url'],
  ['a url that is none', withUrl('cp.example'), 'url is not a URL'],
  ['a url of another scheme', withUrl('file:///etc/passwd'), 'url scheme is file:'],
  ['a url with a user', withUrl('https://user@cp.example'), 'more than a path'],
  ['a url with a password alone', withUrl('https://:pass@cp.example'), 'more than a path'],
  ['a url with a query', withUrl('https://cp.example/?a=b'), 'more than a path'],
  ['a url with a fragment', withUrl('https://cp.example/#a'), 'more than a path'],
  ['901 characters', 'a'.repeat(901), 'too long'],
])('a token is refused: %s', async (_, text, reason) => {
  const answer = await refusal(() => parseJoinToken(text))
  expect(answer).toMatch(/^token_invalid: Cannot read join token: /)
  expect(answer).toContain(reason)
  expect(redactText(answer), 'nothing in it looks like a secret').toBe(answer)
})

it('a refusal does not repeat the secret', async () => {
  const answer = await refusal(() => parseJoinToken(`${token}.x`))
  expect(answer).not.toContain(token.split('.')[3])
})

it('a url too long to be read back is not written', async () => {
  const url = `https://cp.example/${'a'.repeat(600)}`
  expect(await refusal(() => formatJoinToken({ url, meshId, secret }))).toMatch(
    /^too_large: .* 619 characters$/,
  )
})

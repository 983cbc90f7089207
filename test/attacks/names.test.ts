/** Names and paths that imitate others, or try to lead elsewhere. */
import type { Agent } from '@agent-mesh/agent'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { secretOf } from '../integration/control-plane-fixture.ts'
import { attackedMesh, type AttackedMesh, type Insider } from '../support/attacked-mesh.ts'
import { claimsOf } from '../support/forged-jws.ts'
import { testKey, testSerial } from '../support/mesh-fixture.ts'
import { refusal } from '../support/refusal.ts'

let mesh: AttackedMesh
let insider: Insider
let agent: Agent

beforeAll(async () => {
  mesh = await attackedMesh()
  insider = await mesh.insider({ as: 'web-1' })
  agent = await mesh.local.agent({ name: 'agent' })
})
afterAll(() => mesh.local.stop())

const tricks: [string, string][] = [
  ['a Cyrillic a', '\u0430dmin'],
  ['a full-width letter', '\uff41dmin'],
  ['a letter and its accent', 'web-1\u0301'],
  ['a letter that another form folds to', '\u017fystem'],
  ['text turned right to left', 'web\u202e1-'],
  ['nothing to be seen', 'web\u200b-1'],
  ['an emoji', 'web-\u{1f4a9}'],
  ['half of an emoji', 'web-\ud83d'],
  ['a NUL', 'web-1\0'],
  ['a line break', 'web-1\nadmin'],
  ['an escape that colours a terminal', '\u001b[31mweb'],
  ['a path upwards', '../web-1'],
  ['a path upwards for Windows', '..\\web-1'],
  ['a percent escape', 'web%2d1'],
  ['capitals', 'WEB-1'],
  ['a dot for a subdomain', 'web-1.evil'],
  ['white space around', ' web-1 '],
  ['a dash at its end', 'web-1-'],
  ['nothing', ''],
  ['64 characters', 'a'.repeat(64)],
  ['a megabyte less a bit', 'a'.repeat(400_000)],
  ['SQL', `x'; DROP TABLE names; --`],
]

describe('a name', () => {
  test.each(tricks)('with %s is refused at enrolment, in a token and as a tag or role', async (_, name) => {
    const key = await testKey()
    const secret = secretOf((await mesh.local.controlPlane.createToken({})).token)
    const bad =
      name.length < 16_384
        ? { status: 400, body: { code: 'invalid_argument' } }
        : { status: 413, body: { code: 'too_large' } }
    expect(await mesh.ask(key.signer, 'POST', '/v1/enrol', { body: { secret, name } })).toMatchObject(bad)
    for (const body of [{ name }, { region: name }, { roles: [name] }, { tags: [name] }]) {
      // Labels have dots, and may end in a dash; names, as host names, may not.
      if (!('name' in body) && /^(web-1\.evil|web-1-)$/.test(name)) continue
      expect(await mesh.ask(mesh.admin, 'POST', '/v1/tokens', { body, nonce: testSerial() })).toMatchObject(
        bad,
      )
    }
  })

  test('that is taken is given to nobody else, whatever they ask for', async () => {
    const rival = await mesh.insider({ as: 'web-1' })
    expect(rival.claims['name']).toBe('web-1-2')
    expect(claimsOf(insider.credential)['name']).toBe('web-1')
  })

  test.each(tricks.filter(([, name]) => name.length < 100))(
    'with %s finds no member when it is called',
    async (_, name) => {
      const answer = await refusal(agent.call('host.info', {}, { peer: name, timeout: 20_000 }))
      expect(answer).toMatch(/^(not_found|unavailable|invalid_argument): /)
      expect(answer.length).toBeLessThan(1_000)
    },
  )
})

/** A request line exactly as written: clients would normalize the path. */
function rawRequest(line: string, headers: Record<string, string> = {}): Promise<string> {
  const { hostname, port } = new URL(mesh.plane.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let said = ''
    socket.on('data', chunk => (said += chunk.toString('latin1')))
    socket.on('close', () => resolve(said))
    socket.on('error', reject)
    const lines = Object.entries({ host: hostname, connection: 'close', ...headers })
    socket.end(`${line}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1')
  })
}

describe('a path', () => {
  test.each([
    '/v1/members/..%2f..%2ftokens',
    '/v1/members/%2e%2e/tokens',
    '/v1/members/../tokens',
    '/v1/members/./self/../../tokens',
    '/v1//tokens',
    '//v1/tokens',
    '/v1/tokens/',
    '/V1/TOKENS',
    '/v1/tokens;admin=1',
    '/v1/tokens%00',
    '/v1/tokens\\..',
    '/v1/members/%ff%fe',
    '/v1/members/%',
    '/v1/members/%u0041',
    `/v1/members/${'a'.repeat(8_000)}`,
    '/static/../../../../etc/passwd',
    'http://elsewhere.example/v1/tokens',
    '*',
  ])('%s leads to nothing that it should not', async path => {
    const answer = await rawRequest(`GET ${path} HTTP/1.1`)
    expect(answer).toMatch(/^HTTP\/1\.1 (400|401|404|414|431) /)
    expect(answer).not.toMatch(/root:|"tokens"| at .*\.ts:/)
  })

  test.each([
    '..%2f..%2ftokens',
    '%2e%2e',
    'self%00',
    `12D3KooW${'z'.repeat(44)}`,
    '%F0%9F%92%A9',
    "' OR 1=1",
  ])('of a member named %s, truly signed, is refused', async name => {
    const answer = await mesh.ask(insider.signer, 'GET', `/v1/members/${name}`)
    expect([400, 401, 404]).toContain(answer.status)
    expect(answer.body.code).toMatch(/^(invalid_argument|unauthenticated|not_found)$/)
  })

  test('that says one thing to the signature and another to the router gets neither', async () => {
    const signed = { path: '/v1/members' }
    const answer = await mesh.ask(insider.signer, 'GET', '/v1/members/../map', { signed })
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })

  test('with a header in another one, or two lengths, is no request at all', async () => {
    for (const headers of [
      { 'content-length': '5', 'transfer-encoding': 'chunked' },
      { 'content-length': '-1' },
      { 'content-length': '5, 6' },
      { 'x-a': 'b\0c' },
    ] as Record<string, string>[])
      expect(await rawRequest('POST /v1/enrol HTTP/1.1', headers)).toMatch(/^HTTP\/1\.1 400 /)
  })
})

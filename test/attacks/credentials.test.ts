/** Forged, stolen and stale credentials shown to a real agent: all are refused, the genuine one is accepted. */
import type { Agent } from '@agent-mesh/agent'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attackedMesh, doorOf, type AttackedMesh, type Insider } from '../support/attacked-mesh.ts'
import { forgeJws, hmacJws, part, withPayload } from '../support/forged-jws.ts'
import { TestMesh, testKey, type TestKey } from '../support/mesh-fixture.ts'
import { stranger, type Stranger } from '../support/stranger.ts'

let mesh: AttackedMesh
let host: Agent
let victim: Insider
let insider: Insider
let attacker: Stranger
let authority: TestKey
let root: TestKey

const header = (more: object = {}) => ({ alg: 'EdDSA', typ: 'membership+jwt', kid: authority.kid, ...more })
const seconds = () => Math.floor(Date.now() / 1000)
const day = 24 * 3600

beforeAll(async () => {
  mesh = await attackedMesh()
  host = await mesh.local.agent({ name: 'host' })
  victim = await mesh.insider({ as: 'victim' })
  insider = await mesh.insider()
  attacker = await stranger(insider)
  authority = await mesh.stolenKey('authority-key.json')
  root = await mesh.stolenKey('root-key.json')
})
afterAll(async () => {
  await attacker.stop()
  await mesh.local.stop()
})

/** What the host answers to a hello with this credential, and whether a link came of it. */
async function show(credential: unknown, record?: unknown): Promise<unknown> {
  const visit = await attacker.visit(doorOf(host))
  const answer = await visit.hello({ versions: [1], credential, ...(record === undefined ? {} : { record }) })
  visit.connection.abort(new Error('seen enough'))
  return answer['refused'] ?? 'let in'
}

const signed = (claims: object, by: TestKey = authority, more: object = {}) =>
  forgeJws(header(more), { ...insider.claims, ...claims }, by)

describe('an agent turns away a credential', () => {
  test('but not the one that the authority gave to who shows it', async () => {
    expect(await show(insider.credential, await insider.record())).toBe('let in')
    expect(await show(signed({}))).toBe('let in')
  })

  test('of another mesh, also when it names this one', async () => {
    const other = await TestMesh.create()
    const foreign = (iss: string, kid: string) =>
      forgeJws(header({ kid }), { ...insider.claims, iss }, other.authority)
    for (const iss of [other.meshId, mesh.plane.meshId])
      for (const kid of [other.authority.kid, authority.kid])
        expect(await show(foreign(iss, kid))).toBe('unauthenticated')
    expect(await show(signed({ iss: other.meshId }))).toBe('unauthenticated')
  })

  test('that expired a second ago', async () => {
    expect(await show(signed({ iat: seconds() - 21 * day, exp: seconds() - 1 }))).toBe('unauthenticated')
  })

  test('that is not yet valid', async () => {
    expect(await show(signed({ iat: seconds() + 2 * day, exp: seconds() + 20 * day }))).toBe(
      'unauthenticated',
    )
  })

  test('with any one claim tampered', async () => {
    const changes: Record<string, unknown> = {
      iss: 'a'.repeat(52),
      sub: victim.kid,
      serial: 'A'.repeat(22),
      jti: 'another',
      name: 'admin',
      roles: ['agent', 'admin'],
      region: 'eu-9',
      tags: ['prod'],
      iat: seconds() - 3_600,
      exp: seconds() + 90 * day,
      later: true,
    }
    for (const name of Object.keys(insider.claims)) expect(Object.keys(changes)).toContain(name)
    for (const [name, value] of Object.entries(changes)) {
      const tampered = withPayload(insider.credential, { ...insider.claims, [name]: value })
      expect([name, await show(tampered)]).toEqual([name, 'unauthenticated'])
    }
  })

  test('of another member, whose key the attacker has not', async () => {
    expect(await show(victim.credential, await victim.record())).toBe('unauthenticated')
  })

  test('signed by a member, by the root, or by a key of nobody', async () => {
    expect(await show(signed({ roles: ['admin'] }, insider, { kid: insider.kid }))).toBe('unauthenticated')
    expect(await show(signed({ roles: ['admin'] }, insider))).toBe('unauthenticated')
    expect(await show(signed({}, root, { kid: root.kid }))).toBe('unauthenticated')
    expect(await show(signed({}, await testKey('Ed25519')))).toBe('unauthenticated')
  })

  test('with alg none, in any spelling, with a signature or none', async () => {
    const [, claims, signature] = insider.credential.split('.')
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null])
      for (const tail of ['', signature])
        expect(await show([part(header({ alg })), claims, tail].join('.'))).toMatch(
          /^(unauthenticated|protocol_error)$/,
        )
  })

  test('with HS256 under the public key of the authority, in all its forms', async () => {
    const { x = '' } = authority.jwk as { x?: string }
    const secrets = [x, Buffer.from(x, 'base64url'), JSON.stringify(authority.jwk), authority.kid, '']
    for (const alg of ['HS256', 'HS512', 'EdDSA'])
      for (const secret of secrets)
        expect(await show(hmacJws(header({ alg }), insider.claims, Buffer.from(secret as string)))).toBe(
          'unauthenticated',
        )
  })

  test('with ES256 over the kid of an EdDSA key', async () => {
    const p256 = await testKey('P-256')
    expect(await show(signed({}, p256, { alg: 'ES256' }))).toBe('unauthenticated')
    expect(await show(signed({}, authority, { alg: 'ES256' }))).toBe('unauthenticated')
  })

  test.each([
    ['a path', '../../../../dev/null'],
    ['SQL', `' OR '1'='1' --`],
    ['a URL', 'https://attacker.example/key.json'],
    ['a property of every object', '__proto__'],
    ['nothing', ''],
    ['a kilobyte', 'k'.repeat(1000)],
    ['a NUL behind the true one', '\0'],
    ['an array', ['a']],
    ['an object', { toString: 'x' }],
  ])('whose kid is %s', async (_, kid) => {
    const injected = kid === '\0' ? `${authority.kid}\0` : kid
    for (const by of [authority, insider])
      expect(await show(signed({}, by, { kid: injected }))).toBe('unauthenticated')
  })

  test('that brings its own key along: jwk, jku, x5u, x5c, an unknown crit', async () => {
    const own = { jwk: insider.jwk, jku: 'https://attacker.example/jwks', x5u: 'https://attacker.example/x' }
    for (const [name, value] of Object.entries({ ...own, x5c: ['AAAA'], crit: ['exp'], b64: false })) {
      // Refused even with a valid signature: another reader of such a header might trust it.
      for (const by of [authority, insider])
        expect([name, await show(signed({}, by, { [name]: value }))]).toEqual([name, 'unauthenticated'])
    }
  })

  test('that is a document of another type, signed by whoever may sign that', async () => {
    const record = await insider.record()
    expect(await show(record)).toBe('unauthenticated')
    for (const typ of ['JWT', 'membership+jws', 'head+jws', 'MEMBERSHIP+JWT', 'request+jws'])
      expect(await show(signed({}, authority, { typ }))).toBe('unauthenticated')
  })

  test('with the record of another member, or of an earlier enrolment', async () => {
    expect(await show(insider.credential, await victim.record())).toBe('unauthenticated')
    const earlier = await insider.record({ serial: 'A'.repeat(22) })
    expect(await show(insider.credential, earlier)).toBe('unauthenticated')
  })

  test('and after all of these lets nobody linger, and its own member in', async () => {
    expect(host.status().links.direct).toBe(0)
    expect(await show(insider.credential)).toBe('let in')
  })
})

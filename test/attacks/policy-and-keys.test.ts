/** Writes that no caller may make, and attempts with a stolen authority key or by a revoked member: all fail. */
import type { Agent } from '@agent-mesh/agent'
import { defaultPolicy, signRequest, type Policy } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { secretOf } from '../integration/control-plane-fixture.ts'
import { attackedMesh, doorOf, type AttackedMesh, type Insider } from '../support/attacked-mesh.ts'
import { forgeJws } from '../support/forged-jws.ts'
import { testSerial, type TestKey } from '../support/mesh-fixture.ts'
import { stranger } from '../support/stranger.ts'

let mesh: AttackedMesh
let host: Agent
let insider: Insider

beforeAll(async () => {
  mesh = await attackedMesh()
  await mesh.local.relay('relay')
  host = await mesh.local.agent({ name: 'host' })
  insider = await mesh.insider()
  await vi.waitFor(() => expect(host.status().relays).toHaveLength(1), 20_000)
})
afterAll(() => mesh.local.stop())

const policyNow = async () => (await mesh.ask(mesh.admin, 'GET', '/v1/policy')).body

/** What the host answers to a hello with this credential, shown by the holder of this key. */
async function show(key: TestKey, credential: string): Promise<unknown> {
  const visitor = await stranger(key)
  try {
    const visit = await visitor.visit(doorOf(host))
    const answer = await visit.hello({ versions: [1], credential })
    return answer['refused'] ?? 'let in'
  } finally {
    await visitor.stop()
  }
}

describe('a policy write', () => {
  const put = (body: unknown, who = mesh.admin) => mesh.ask(who, 'PUT', '/v1/policy', { body })

  test('with failing tests writes nothing, and names them', async () => {
    const { number } = await policyNow()
    const policy: Policy = {
      ...defaultPolicy,
      tests: [{ from: 'role:agent', action: 'manage', to: 'admin:tokens', expect: 'allow' }],
    }
    const answer = await put({ policy, expected: number })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(JSON.stringify(answer.body)).toContain('role:agent manage admin:tokens')
    expect(await policyNow()).toMatchObject({ number, policy: { tests: [] } })
  })

  test('by a member without the grant writes nothing, forced or not', async () => {
    const { number } = await policyNow()
    const mine = { from: [`peer:${insider.kid}`], to: ['admin:*'], allow: ['manage' as const] }
    const policy = { ...defaultPolicy, grants: [...defaultPolicy.grants, mine] }
    for (const force of [true, false])
      expect(await put({ policy, expected: number, force }, insider.signer)).toMatchObject({
        status: 403,
        body: { code: 'permission_denied' },
      })
    expect((await policyNow()).number).toBe(number)
  })

  test('that was recorded and is played again after a later one changes nothing', async () => {
    const { number } = await policyNow()
    const body = JSON.stringify({ policy: defaultPolicy, expected: number })
    const url = new URL('/v1/policy', mesh.plane.url)
    const authorization = await signRequest(
      mesh.admin,
      { method: 'PUT', url, body: Buffer.from(body) },
      { meshId: mesh.plane.meshId, now: Date.now() },
    )
    const play = async () => (await fetch(url, { method: 'PUT', body, headers: { authorization } })).status
    expect(await play()).toBe(200)
    const stricter = { grants: defaultPolicy.grants.slice(1), tests: [] }
    expect(await put({ policy: stricter, expected: (await policyNow()).number })).toMatchObject({
      status: 200,
    })
    expect(await play()).toBe(409)
    const { number: now, policy } = await policyNow()
    expect(policy.grants).toHaveLength(1)
    expect(await put({ policy: defaultPolicy, expected: now })).toMatchObject({ status: 200 })
  })
})

describe('a replayed leave', () => {
  test('does not take a member out of the map that came back', async () => {
    const publish = async () =>
      mesh.ask(insider.signer, 'PUT', '/v1/members/self', { body: { record: await insider.record() } })
    expect(await publish()).toMatchObject({ status: 200 })
    const url = new URL('/v1/members/self', mesh.plane.url)
    const authorization = await signRequest(
      insider.signer,
      { method: 'DELETE', url, body: new Uint8Array() },
      { meshId: mesh.plane.meshId, now: Date.now(), nonce: testSerial() },
    )
    const play = async () => (await fetch(url, { method: 'DELETE', headers: { authorization } })).status
    expect(await play()).toBe(204)
    expect(await publish()).toMatchObject({ status: 200 })
    expect(await play()).toBe(409)
    expect(await mesh.ask(mesh.admin, 'GET', `/v1/members/${insider.kid}`)).toMatchObject({ status: 200 })
  })
})

describe('a revoked member', () => {
  test('is refused at every door: hello, requests, renewal, and enrolment with a fresh token', async () => {
    const outcast = await mesh.insider({ as: 'outcast' })
    expect(await show(outcast, outcast.credential)).toBe('let in')
    const revoked = await mesh.ask(mesh.admin, 'POST', `/v1/members/${outcast.kid}/revoke`, {
      nonce: testSerial(),
    })
    expect(revoked).toMatchObject({ status: 200 })
    await vi.waitFor(async () => expect(await show(outcast, outcast.credential)).toBe('revoked'), 20_000)
    const { token, view } = await mesh.local.controlPlane.createToken({})
    const refused = { status: 403, body: { code: 'revoked' } }
    const ask = (method: string, path: string, body?: object) =>
      mesh.ask(outcast.signer, method, path, body === undefined ? {} : { body })
    expect(await ask('GET', '/v1/map')).toMatchObject(refused)
    expect(await ask('POST', '/v1/renew', {})).toMatchObject(refused)
    expect(await ask('PUT', '/v1/members/self', { record: await outcast.record() })).toMatchObject(refused)
    expect(await ask('POST', '/v1/enrol', { secret: secretOf(token) })).toMatchObject(refused)
    const { body } = await mesh.ask(mesh.admin, 'GET', '/v1/tokens?limit=1000')
    expect(body.tokens.find((found: { id: string }) => found.id === view.id)).toMatchObject({ left: 1 })
  })
})

describe('a credential signed by a revoked authority key', () => {
  test('opens no door any more, old or freshly forged', async () => {
    const stolen = await mesh.stolenKey('authority-key.json')
    const forged = () =>
      forgeJws(
        { alg: 'EdDSA', typ: 'membership+jwt', kid: stolen.kid },
        { ...insider.claims, roles: ['agent', 'admin'], name: 'forged' },
        stolen,
      )
    expect(await show(insider, forged())).toBe('let in')
    await mesh.local.controlPlane.rotateKey({ revoke: true })
    await vi.waitFor(async () => expect(await show(insider, forged())).toBe('unauthenticated'), 20_000)
    expect(await show(insider, insider.credential)).toBe('unauthenticated')
    const { body } = await mesh.ask(insider.signer, 'POST', '/v1/renew', { body: {} })
    expect(await show(insider, body.credential)).toBe('let in')
    // It is refused under the kid of the current key, too.
    const [head = ''] = String(body.credential).split('.')
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string }
    expect(kid).not.toBe(stolen.kid)
    const renamed = forgeJws({ alg: 'EdDSA', typ: 'membership+jwt', kid }, insider.claims, stolen)
    expect(await show(insider, renamed)).toBe('unauthenticated')
  })
})

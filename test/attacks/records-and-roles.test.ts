/** Claims of members about themselves: the store and the token decide, not the member. */
import { credentialDays, defaultPolicy } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { secretOf } from '../integration/control-plane-fixture.ts'
import { attackedMesh, type AttackedMesh, type Insider } from '../support/attacked-mesh.ts'
import { claimsOf, forgeJws } from '../support/forged-jws.ts'
import { testKey, testSerial } from '../support/mesh-fixture.ts'

let mesh: AttackedMesh
let insider: Insider
let victim: Insider

beforeAll(async () => {
  mesh = await attackedMesh()
  insider = await mesh.insider()
  victim = await mesh.insider({ as: 'victim' })
})
afterAll(() => mesh.local.stop())

const unauthenticated = { status: 401, body: { code: 'unauthenticated' } }
const denied = { status: 403, body: { code: 'permission_denied' } }

describe('a member record', () => {
  const publish = (record: string) =>
    mesh.ask(insider.signer, 'PUT', '/v1/members/self', { body: { record } })

  test('of a foreign peer id is refused, signed by it or not', async () => {
    expect(await publish(await victim.record())).toMatchObject(unauthenticated)
    const claims = claimsOf(await insider.record())
    const forged = forgeJws({ alg: 'EdDSA', typ: 'member+jws', kid: victim.kid }, claims, insider)
    expect(await publish(forged)).toMatchObject(unauthenticated)
    const stranger = await testKey()
    const unknown = forgeJws({ alg: 'EdDSA', typ: 'member+jws', kid: stranger.kid }, claims, stranger)
    expect(await publish(unknown)).toMatchObject(unauthenticated)
  })

  test('with a lowered incarnation is refused, one of the same number with other bytes too', async () => {
    const incarnation = Date.now() + 10_000
    expect(await publish(await insider.record({ incarnation }))).toMatchObject({ status: 200 })
    for (const lower of [incarnation - 1, 0, 1])
      expect(await publish(await insider.record({ incarnation: lower }))).toMatchObject({
        status: 409,
        body: { code: 'conflict', details: { incarnation } },
      })
    const rival = await insider.record({ incarnation, addrs: ['/ip4/192.0.2.9/tcp/9'] })
    expect(await publish(rival)).toMatchObject({ status: 409 })
  })

  test('that claims roles and tags for itself gives none', async () => {
    const more = { roles: ['admin'], tags: ['prod'], name: 'admin', incarnation: Date.now() + 20_000 }
    expect(await publish(await insider.record(more))).toMatchObject({ status: 200 })
    expect(await mesh.ask(insider.signer, 'GET', '/v1/tokens')).toMatchObject(denied)
    const { body } = await mesh.ask(victim.signer, 'GET', `/v1/members/${insider.kid}`)
    expect(claimsOf(body.credential)).toMatchObject({ roles: ['agent'], name: insider.claims['name'] })
  })
})

describe('role escalation', () => {
  test('at renewal: what the request wishes is refused, what the credential says comes from the store', async () => {
    for (const body of [
      { roles: ['admin'] },
      { name: 'admin' },
      { credential: insider.credential },
      { tags: [] },
    ])
      expect(await mesh.ask(insider.signer, 'POST', '/v1/renew', { body })).toMatchObject({
        status: 400,
        body: { code: 'invalid_argument' },
      })
    const { body } = await mesh.ask(insider.signer, 'POST', '/v1/renew', { body: {} })
    const { roles, tags, name, serial, iat, exp } = claimsOf(body.credential) as Record<string, number>
    expect({ roles, tags, name, serial }).toEqual({
      roles: ['agent'],
      tags: [],
      name: insider.claims['name'],
      serial: insider.claims['serial'],
    })
    expect(Number(exp) - Number(iat)).toBe(credentialDays.life * 24 * 3600)
  })

  test('at enrolment: roles, tags and a name that the token fixes are not for the newcomer to choose', async () => {
    const key = await testKey()
    const { token } = await mesh.local.controlPlane.createToken({ name: 'fixed' })
    const secret = secretOf(token)
    for (const more of [{ roles: ['admin'] }, { tags: ['prod'] }, { ephemeral: false }, { exp: 9e9 }])
      expect(await mesh.ask(key.signer, 'POST', '/v1/enrol', { body: { secret, ...more } })).toMatchObject({
        status: 400,
      })
    const { body } = await mesh.ask(key.signer, 'POST', '/v1/enrol', { body: { secret, name: 'admin' } })
    expect(claimsOf(body.credential)).toMatchObject({ name: 'fixed', roles: ['agent'], tags: [] })
  })

  test('by a token of its own making: agents and relays may make none', async () => {
    const relay = await mesh.insider({ as: 'relay', roles: ['relay'] })
    for (const { signer } of [insider, relay])
      expect(
        await mesh.ask(signer, 'POST', '/v1/tokens', { body: { roles: ['admin'] }, nonce: 'x'.repeat(22) }),
      ).toMatchObject(denied)
  })

  test('by a clerk who may make tokens and nothing else: none for a role that may more', async () => {
    const { body: before } = await mesh.ask(mesh.admin, 'GET', '/v1/policy')
    const grant = { from: ['role:clerk'], to: ['admin:tokens'], allow: ['manage' as const] }
    const byName = { from: ['name:ops-laptop'], to: ['admin:*'], allow: ['manage' as const] }
    const byRole = { from: ['role:ops'], to: ['service:*'], allow: ['manage' as const] }
    const policy = { ...defaultPolicy, grants: [...defaultPolicy.grants, grant, byRole] }
    await mesh.ask(mesh.admin, 'PUT', '/v1/policy', { body: { policy, expected: before.number } })
    const clerk = await mesh.insider({ as: 'clerk', roles: ['agent', 'clerk'] })
    const make = (body: object) => mesh.ask(clerk.signer, 'POST', '/v1/tokens', { body, nonce: testSerial() })
    expect(await make({ roles: ['agent', 'admin'] })).toMatchObject(denied)
    expect(await make({ roles: ['admin'], uses: 5 })).toMatchObject(denied)
    for (const roles of [['agent'], ['clerk'], ['relay']])
      expect(await make({ roles })).toMatchObject({ status: 200 })
    expect(await make({ roles: ['agent', 'ops'] })).toMatchObject(denied)
    // A name that the policy lists and no member holds is given to the first member that asks for it.
    const named = { ...policy, grants: [...policy.grants, byName] }
    const expected = before.number + 1
    await mesh.ask(mesh.admin, 'PUT', '/v1/policy', { body: { policy: named, expected } })
    for (const name of ['ops-laptop', undefined])
      expect(await make({ roles: ['agent'], name })).toMatchObject(denied)
    expect(await make({ roles: ['agent'], name: 'web-1' })).toMatchObject({ status: 200 })
    const { body } = await mesh.ask(mesh.admin, 'GET', '/v1/policy')
    await mesh.ask(mesh.admin, 'PUT', '/v1/policy', {
      body: { policy: defaultPolicy, expected: body.number },
    })
  })

  test('by a second token under the same key: the old enrolment is out, the new one is what its token says', async () => {
    const { token } = await mesh.local.controlPlane.createToken({ roles: ['agent'], tags: ['lesser'] })
    const body = { secret: secretOf(token), name: 'again' }
    const answer = await mesh.ask(insider.signer, 'POST', '/v1/enrol', { body })
    expect(answer.status).toBe(200)
    expect(claimsOf(answer.body.credential)).toMatchObject({ roles: ['agent'], tags: ['lesser'] })
    expect(claimsOf(answer.body.credential)['serial']).not.toBe(insider.claims['serial'])
  })
})

/** What `GET /v1/bootstrap` shows to strangers and members, and that nothing is sent twice. */
import { rolledBack, verifyHead, type Signer, type VerifiedHead } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testKey } from '../support/mesh-fixture.ts'
import { day, startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'

let mesh: TestPlane
let member: PlaneMember
beforeAll(async () => {
  mesh = await startTestPlane()
  for (const region of ['eu-1', 'eu-1', 'us-1']) {
    const relay = await mesh.join({ roles: ['relay'], region, as: `relay-${region}` })
    await relay.publish()
  }
  member = await mesh.join()
})
afterAll(() => mesh.stop())

const headFor = async (who: Signer | undefined, query = ''): Promise<VerifiedHead> => {
  const { status, body } = await mesh.ask(who, 'GET', `/v1/bootstrap${query}`)
  expect(status).toBe(200)
  expect(body.meshId).toBe(mesh.plane.meshId)
  return verifyHead(mesh.plane.meshId, body.head)
}
const regionsOf = ({ relays }: VerifiedHead) => relays.map(({ region }) => region).sort()

describe('the bootstrap tells', () => {
  test('strangers the keys and relays of their region, no policy and no revocations, signed or not', async () => {
    const gone = await mesh.join({ as: 'gone' })
    await mesh.ask(mesh.admin, 'POST', '/v1/revocations', { body: { peerId: gone.peerId } })
    for (const who of [undefined, (await testKey()).signer]) {
      const head = await headFor(who)
      expect(head).toMatchObject({
        forStrangers: true,
        numbers: { keys: 1, relays: 0, policy: 0, revocations: 0 },
        policy: { grants: [], tests: [] },
      })
      expect(head.revocations.peerIds.size).toBe(0)
      expect(regionsOf(head)).toEqual(['eu-1', 'us-1'])
      expect(regionsOf(await headFor(who, '?region=eu-1'))).toEqual(['eu-1', 'eu-1'])
      expect(regionsOf(await headFor(who, '?region=nowhere'))).toEqual(['eu-1', 'us-1'])
    }
  })

  test('members all of it, also one whose credential has expired or was revoked', async () => {
    const whole = await headFor(member.signer)
    expect(whole.forStrangers).toBe(false)
    expect(whole.policy.grants.length).toBeGreaterThan(0)
    expect(regionsOf(whole)).toEqual(['eu-1', 'eu-1', 'us-1'])

    const revoked = await mesh.join({ as: 'revoked' })
    await mesh.ask(mesh.admin, 'POST', '/v1/revocations', { body: { peerId: revoked.peerId } })
    expect((await headFor(revoked.signer)).revocations.peerIds.has(revoked.peerId)).toBe(true)
    expect((await mesh.ask(revoked.signer, 'GET', '/v1/policy')).status).toBe(403)

    const late = await mesh.join({ as: 'late' })
    mesh.clock.advance(22 * day)
    expect((await headFor(late.signer)).forStrangers).toBe(false)
    expect((await mesh.ask(late.signer, 'GET', '/v1/policy')).status).toBe(401)
    mesh.clock.advance(-22 * day)
  })

  test('strangers nothing that a member takes for newer than what it knows, and newcomers something older', async () => {
    const [strangers, whole] = [await headFor(undefined), await headFor(member.signer)]
    expect(rolledBack(whole.numbers, strangers.numbers)).toBeDefined()
    expect(rolledBack(strangers.numbers, whole.numbers)).toBeUndefined()
  })
})

describe('the ETag of the bootstrap', () => {
  const ask = async (who: Signer | undefined, known?: string, path = '/v1/bootstrap') => {
    const url = new URL(path, mesh.plane.url)
    const headers: Record<string, string> = known === undefined ? {} : { 'if-none-match': known }
    if (who !== undefined) headers['authorization'] = await mesh.authorization(who, 'GET', url)
    const response = await fetch(url, { headers })
    return {
      status: response.status,
      etag: response.headers.get('etag') ?? '',
      bytes: (await response.text()).length,
    }
  }

  test('answers 304 while nothing changed, and all of it when something did', async () => {
    const { etag } = await ask(member.signer)
    mesh.clock.advance(61_000 - (mesh.clock.now() % 60_000))
    const again = await ask(member.signer, `W/"other", ${etag}`)
    // The tag changes every 10 min, so that the head was signed recently.
    const { etag: now } = await ask(member.signer, again.etag)
    expect(await ask(member.signer, now)).toEqual({ status: 304, etag: now, bytes: 0 })
    expect(await ask(member.signer, '*')).toMatchObject({ status: 304 })

    const { body } = await mesh.ask(mesh.admin, 'GET', '/v1/policy')
    const policy = { ...body.policy, tests: [] }
    await mesh.ask(mesh.admin, 'PUT', '/v1/policy', { body: { policy, expected: body.number } })
    const changed = await ask(member.signer, now)
    expect(changed).toMatchObject({ status: 200, etag: expect.not.stringContaining(now) })
    mesh.clock.advance(600_000)
    expect(await ask(member.signer, changed.etag)).toMatchObject({ status: 200 })
  })

  test('of a stranger is not that of a member', async () => {
    const [stranger, known] = [await ask(undefined), await ask(member.signer)]
    expect(stranger.etag).not.toBe(known.etag)
    expect(await ask(undefined, known.etag)).toMatchObject({ status: 200 })
    expect(await ask(undefined, stranger.etag)).toMatchObject({ status: 304 })
  })

  test.each(['/v1/policy', '/v1/revocations', '/v1/members', '/v1/map'])('is on %s, too', async path => {
    const { status, etag } = await ask(member.signer, undefined, path)
    expect(status).toBe(200)
    expect(await ask(member.signer, etag, path)).toMatchObject({ status: 304, bytes: 0 })
  })
})

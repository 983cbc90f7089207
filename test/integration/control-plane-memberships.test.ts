import {
  verifyCredential,
  verifyHead,
  type CredentialClaims,
  type Membership,
  type SignedHead,
} from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  enrolMember,
  secretOf,
  startTestPlane,
  type PlaneMember,
  type TestPlane,
} from './control-plane-fixture.ts'

describe('memberships over HTTP', () => {
  let mesh: TestPlane
  beforeAll(async () => void (mesh = await startTestPlane()))
  afterAll(() => mesh.stop())

  const admin = (method: string, path: string, body?: unknown) =>
    mesh.ask(mesh.admin, method, path, body === undefined ? {} : { body })
  const list = async (query = ''): Promise<Membership[]> => {
    const members: Membership[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const more = cursor === '' ? '' : `&cursor=${cursor}`
      const { status, body } = await admin('GET', `/v1/memberships?limit=3${query}${more}`)
      expect(status).toBe(200)
      members.push(...body.members)
      cursor = body.next
    }
    return members
  }
  const head = async () => {
    const { body } = await mesh.ask(mesh.admin, 'GET', '/v1/bootstrap')
    return verifyHead(mesh.plane.meshId, body.head as SignedHead)
  }
  const claimsOf = async (credential: string, member: PlaneMember): Promise<CredentialClaims> => {
    const { keys } = await head()
    const { meshId } = mesh.plane
    return verifyCredential(credential, { meshId, keys, now: mesh.clock.now(), peerId: member.peerId })
  }
  const renewed = async (member: PlaneMember): Promise<CredentialClaims> => {
    const { body } = await mesh.ask(member.signer, 'POST', '/v1/renew', { body: {} })
    return claimsOf(body.credential, member)
  }
  const audited = async (what: string) => {
    const { body } = await admin('GET', '/v1/audit?last=1000&limit=1000')
    return body.entries.filter((entry: { what: string }) => entry.what === what)
  }

  test('say that the database is not paid for each of them, so that they may be read often', async () => {
    expect((await admin('GET', '/v1/memberships')).body).toMatchObject({ billed: false })
  })

  test('are listed to admins in pages: by role, service, region, token and presence, in the map or not', async () => {
    const { token, view } = await mesh.plane.createToken({ uses: 5, region: 'eu', note: 'rack 7' })
    const made = []
    for (const name of ['l-1', 'l-2', 'l-3', 'l-4', 'l-5'])
      made.push(await enrolMember(mesh, secretOf(token), name))
    await made[0]?.publish()
    const relay = await mesh.join({ roles: ['relay'], as: 'l-relay' })
    const names = (members: Membership[]) => members.map(({ name }) => name).sort()
    expect(names(await list(`&token=${view.id}`))).toEqual(['l-1', 'l-2', 'l-3', 'l-4', 'l-5'])
    expect(names(await list('&service=math&region=eu'))).toEqual(['l-1'])
    expect(names(await list('&role=relay'))).toEqual(['l-relay'])
    expect(await list('&online=true')).toEqual([])
    const all = await list()
    expect(all.length).toBe(7)
    const admins = all.filter(({ roles }) => roles.includes('admin'))
    expect(admins).toMatchObject([{ listed: false, online: false }])
    const shown = await admin('GET', `/v1/memberships/${relay.peerId}`)
    expect(shown.body).toMatchObject({ name: 'l-relay', roles: ['relay'], listed: false })
    expect((await admin('GET', '/v1/memberships/nobody')).status).toBe(404)
    expect((await admin('GET', '/v1/memberships?cursor=77.x')).status).toBe(400)
    expect((await mesh.ask(relay.signer, 'GET', '/v1/memberships')).status).toBe(403)
    const { body } = await admin('GET', '/v1/tokens')
    expect(body.tokens.find(({ id }: { id: string }) => id === view.id)).toMatchObject({ note: 'rack 7' })
  })

  test('take another name and tags: the pair has them at once, the member by its next renewal', async () => {
    const member = await mesh.join({ as: 'before', tags: ['cpu'] })
    await member.publish()
    const since = (await admin('GET', '/v1/map')).body.next as string
    const change = { name: 'after', tags: ['gpu'], region: 'us' }
    const amended = await admin('POST', '/v1/memberships/before', change)
    expect(amended).toMatchObject({ status: 200, body: { ...change, peerId: member.peerId } })
    const { changes } = (await admin('GET', `/v1/map?since=${since}`)).body
    expect(changes).toHaveLength(1)
    expect(await claimsOf(changes[0].credential, member)).toMatchObject(change)
    // The stored one is fresh, so it is returned and nothing is signed.
    expect(await renewed(member)).toMatchObject(await claimsOf(changes[0].credential, member))
    expect(await audited('amend')).toMatchObject([
      { detail: { was: 'before', name: 'after', tags: ['gpu'], region: 'us' } },
    ])
    expect((await admin('POST', '/v1/memberships/after', change)).status).toBe(200)
    expect(await audited('amend')).toHaveLength(1)
    await mesh.join({ as: 'held' })
    expect(await admin('POST', '/v1/memberships/after', { name: 'held' })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    })
    expect((await admin('POST', '/v1/memberships/after', {})).status).toBe(400)
  })

  test('are not changed into what the changer may not make', async () => {
    const { body } = await admin('GET', '/v1/policy')
    const grants = [
      ...body.policy.grants,
      { from: ['role:helpdesk'], to: ['admin:members'], allow: ['manage'] },
      { from: ['tag:boss'], to: ['admin:policy'], allow: ['manage'] },
    ]
    const policy = { expected: body.number, policy: { grants, tests: [] } }
    expect((await admin('PUT', '/v1/policy', policy)).status).toBe(200)
    const helpdesk = await mesh.join({ roles: ['agent', 'helpdesk'] })
    const change = (tags: string[]) =>
      mesh.ask(helpdesk.signer, 'POST', `/v1/memberships/${helpdesk.peerId}`, { body: { tags } })
    expect((await change(['desk'])).status).toBe(200)
    expect(await change(['boss'])).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
    expect((await renewed(helpdesk)).tags).toEqual(['desk'])
  })

  test('that an admin removes count for nothing at once, and the key may join anew', async () => {
    const member = await mesh.join({ as: 'removed' })
    await member.publish()
    const gone = await admin('DELETE', '/v1/memberships/removed')
    expect(gone).toMatchObject({ status: 200, body: { name: 'removed', serial: member.claims.serial } })
    expect((await head()).revocations.serials.has(member.claims.serial)).toBe(true)
    const unknown = { status: 401, body: { code: 'unauthenticated' } }
    expect(await mesh.ask(member.signer, 'POST', '/v1/renew', { body: {} })).toMatchObject(unknown)
    expect(await member.publish()).toMatchObject(unknown)
    expect((await admin('GET', `/v1/members/${member.peerId}`)).status).toBe(404)
    expect((await admin('DELETE', '/v1/memberships/removed')).status).toBe(404)
    expect(await audited('end')).toHaveLength(1)
    const { token } = await mesh.plane.createToken({ name: 'removed' })
    const again = await mesh.ask(member.signer, 'POST', '/v1/enrol', { body: { secret: secretOf(token) } })
    expect(await claimsOf(again.body.credential, member)).toMatchObject({ name: 'removed' })
    expect((await admin('DELETE', `/v1/memberships/${mesh.admin.kid}`)).status).toBe(400)
  })

  test('end by the member itself: nobody is revoked, and its name is free', async () => {
    const member = await mesh.join({ as: 'leaver' })
    await member.publish()
    const before = (await head()).revocations.serials.size
    const leave = () => mesh.ask(member.signer, 'POST', '/v1/leave', { body: {} })
    expect((await leave()).status).toBe(204)
    expect(await leave()).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect((await head()).revocations.serials.size).toBe(before)
    expect(await audited('leave')).toMatchObject([{ who: member.peerId, detail: { name: 'leaver' } }])
    expect((await mesh.join({ as: 'leaver' })).claims.name).toBe('leaver')
  })

  test('give their name to the machine that replaces them; the old credential counts for nothing at once', async () => {
    const old = await mesh.join({ name: 'edge-1' })
    await old.publish()
    await expect(mesh.plane.createToken({ name: 'edge-1' })).rejects.toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining('--replace'),
    })
    const { token } = await mesh.plane.createToken({ name: 'edge-1', replace: true })
    // Until it is redeemed the old one is a member.
    expect((await mesh.ask(old.signer, 'GET', '/v1/policy')).status).toBe(200)
    const next = await enrolMember(mesh, secretOf(token), 'whatever')
    expect(next.claims.name).toBe('edge-1')
    expect((await mesh.ask(old.signer, 'GET', '/v1/policy')).status).toBe(401)
    expect((await head()).revocations.serials.has(old.claims.serial)).toBe(true)
    expect((await admin('GET', '/v1/memberships/edge-1')).body.peerId).toBe(next.peerId)
    const joined = await audited('join')
    expect(joined.at(-1)).toMatchObject({ detail: { replaced: old.claims.serial } })
    await expect(mesh.plane.createToken({ replace: true })).rejects.toMatchObject({
      code: 'invalid_argument',
    })
  })

  test('of a revoked member give their name, too, and its key stays refused', async () => {
    const old = await mesh.join({ name: 'edge-2' })
    await admin('POST', '/v1/revocations', { peerId: old.peerId })
    await expect(mesh.plane.createToken({ name: 'edge-2' })).rejects.toMatchObject({ code: 'conflict' })
    expect((await admin('DELETE', `/v1/memberships/${old.peerId}`)).status).toBe(403)
    const { token } = await mesh.plane.createToken({ name: 'edge-2', replace: true })
    expect((await enrolMember(mesh, secretOf(token), 'x')).claims.name).toBe('edge-2')
    const { token: other } = await mesh.plane.createToken({})
    const back = await mesh.ask(old.signer, 'POST', '/v1/enrol', { body: { secret: secretOf(other) } })
    expect(back).toMatchObject({ status: 403, body: { code: 'revoked' } })
  })

  test('a note is one line', async () => {
    await expect(mesh.plane.createToken({ note: 'two\nlines' })).rejects.toMatchObject({
      code: 'invalid_argument',
    })
  })
})

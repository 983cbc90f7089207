/** Members whose membership ended and that keep running, behind the same address as machines that want to join. */
import { endedOf, parseJson, revocationsSchema } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  secretOf,
  startTestPlane,
  type PlaneMember,
  type TestPlane,
} from '../integration/control-plane-fixture.ts'
import { testKey } from '../support/mesh-fixture.ts'

let mesh: TestPlane
beforeAll(async () => {
  mesh = await startTestPlane({ trustProxy: '1' })
})
afterAll(() => mesh.stop())

const nat = (address: string) => ({ headers: { 'x-forwarded-for': address } })

/** Requests of an agent of an earlier version: it neither reads how its membership ended nor slows down. */
const asksOn = async ({ signer, record }: PlaneMember, address: string): Promise<string[]> => {
  const from = nat(address)
  const body = { record: await record() }
  const answers = [
    await mesh.ask(signer, 'GET', '/v1/bootstrap', from),
    await mesh.ask(signer, 'GET', '/v1/map', from),
    await mesh.ask(signer, 'PUT', '/v1/members/self', { body, ...from }),
    await mesh.ask(signer, 'POST', '/v1/renew', { body: {}, ...from }),
  ]
  return answers.map(({ status, body }) => `${status} ${String(body.details?.ended ?? body.code ?? '')}`)
}

const joinFrom = async (address: string, secret: string): Promise<number> =>
  (await mesh.ask((await testKey()).signer, 'POST', '/v1/enrol', { body: { secret }, ...nat(address) }))
    .status

/** How the membership of each ends, and the reason that it receives. */
const endings: Record<string, { end: (member: PlaneMember) => Promise<unknown>; told: string }> = {
  removed: {
    end: ({ peerId }) => mesh.ask(mesh.admin, 'DELETE', `/v1/memberships/${peerId}`),
    told: '401 removed',
  },
  replaced: {
    end: async ({ claims: { name } }) => {
      const { token } = await mesh.plane.createToken({ name, replace: true })
      expect(await joinFrom('192.0.2.99', secretOf(token))).toBe(200)
    },
    told: '401 replaced',
  },
  revoked: {
    end: ({ peerId }) => mesh.ask(mesh.admin, 'POST', '/v1/revocations', { body: { peerId } }),
    told: '403 revoked',
  },
}

describe.each(Object.entries(endings))('twenty members that were %s and run on', (how, { end, told }) => {
  const address = `192.0.2.${how.length}${how.charCodeAt(2) % 10}`

  test('leave room for newcomers of their address, and are told how it ended', async () => {
    const members = await Promise.all(Array.from({ length: 20 }, () => mesh.join({ as: how })))
    for (const member of members) await end(member)
    // No process of the control plane has accepted one of them.
    await mesh.restart()
    for (let round = 0; round < 2; round++)
      for (const member of members) expect(await asksOn(member, address)).toEqual(['200 ', told, told, told])
    const { token } = await mesh.plane.createToken({ uses: 20 })
    const joins = Array.from({ length: 20 }, () => joinFrom(address, secretOf(token)))
    expect(new Set(await Promise.all(joins))).toEqual(new Set([200]))
  })
})

describe('a member that left and runs on', () => {
  test('leaves room for newcomers of its address', async () => {
    const member = await mesh.join({ as: 'leaver' })
    expect((await mesh.ask(member.signer, 'GET', '/v1/map', nat('192.0.2.77'))).status).toBe(200)
    await mesh.ask(member.signer, 'POST', '/v1/leave', { body: {}, ...nat('192.0.2.77') })
    for (let round = 0; round < 20; round++) await asksOn(member, '192.0.2.77')
    const { token } = await mesh.plane.createToken({})
    expect(await joinFrom('192.0.2.77', secretOf(token))).toBe(200)
  })
})

describe('a removed member in a loop', () => {
  test('is slowed by its own limit, and costs its address nothing', async () => {
    const member = await mesh.join({ as: 'loop' })
    await mesh.ask(mesh.admin, 'DELETE', `/v1/memberships/${member.peerId}`)
    const ask = async () => (await mesh.ask(member.signer, 'GET', '/v1/map', nat('192.0.2.88'))).status
    const statuses = new Set<number>()
    for (let round = 0; round < 100; round++) statuses.add(await ask())
    expect([...statuses]).toEqual([401, 429])
    const { token } = await mesh.plane.createToken({})
    expect(await joinFrom('192.0.2.88', secretOf(token))).toBe(200)
  })
})

describe('the signed list', () => {
  test('names the key of each membership that ended and how, and says it to members alone', async () => {
    const member = await mesh.join({ as: 'listed' })
    await mesh.ask(mesh.admin, 'DELETE', `/v1/memberships/${member.peerId}`)
    const listFor = async (who: PlaneMember['signer'] | undefined) => {
      const { body } = await mesh.ask(who, 'GET', '/v1/bootstrap')
      const [, payload = ''] = String(body.head.revocations).split('.')
      return endedOf(
        parseJson(revocationsSchema, Buffer.from(payload, 'base64url').toString(), 'read the list'),
      )
    }
    const entry = { serial: member.claims.serial, peerId: member.peerId, how: 'removed' }
    expect(await listFor(mesh.admin)).toContainEqual({ ...entry, at: expect.any(Number) as number })
    expect(await listFor(member.signer)).toContainEqual({ ...entry, at: expect.any(Number) as number })
    for (const stranger of [undefined, (await testKey()).signer]) expect(await listFor(stranger)).toEqual([])
  })
})

import {
  isRemoval,
  parseMapCursor,
  shardOf,
  verifyRecord,
  type MapChange,
  type MapPage,
} from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { day, startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'

const recordsOf = async (mesh: TestPlane, { changes }: MapPage): Promise<Record<string, number>> => {
  const pairs = changes.filter(change => !isRemoval(change))
  const entries = pairs.map(async pair => {
    const { peerId, record } = await verifyRecord(pair.record, mesh.clock.now())
    return [peerId, record.incarnation] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

describe('publishing over HTTP', () => {
  let mesh: TestPlane
  let member: PlaneMember
  beforeAll(async () => {
    mesh = await startTestPlane()
    member = await mesh.join({ region: 'eu-1', as: 'm' })
  })
  afterAll(() => mesh.stop())

  const put = (record: string, who = member) =>
    mesh.ask(who.signer, 'PUT', '/v1/members/self', { body: { record } })

  test('a record appears with the credential of its member', async () => {
    const incarnation = mesh.clock.now()
    const record = await member.record({ incarnation })
    expect(await put(record)).toMatchObject({ status: 200, body: { incarnation } })
    const { status, body } = await mesh.ask(mesh.admin, 'GET', `/v1/members/${member.peerId}`)
    expect(status).toBe(200)
    const { credential, peerId } = member
    expect(body).toEqual({ peerId, name: 'm', record, credential, online: false })
  })

  test('a conflict names the incarnation stored, and the same bytes are none', async () => {
    const incarnation = mesh.clock.now() + 1000
    const record = await member.record({ incarnation })
    await put(record)
    expect(await put(record)).toMatchObject({ status: 200, body: { incarnation } })
    for (const stale of [{ incarnation: incarnation - 1 }, { incarnation, services: ['text@1'] }])
      expect(await put(await member.record(stale))).toMatchObject({
        status: 409,
        body: { code: 'conflict', details: { incarnation } },
      })
  })

  test('an incarnation more than a day ahead is refused', async () => {
    const record = await member.record({ incarnation: mesh.clock.now() + day + 60_000 })
    expect(await put(record)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })

  test('a record of another member or another enrolment is refused', async () => {
    const other = await mesh.join()
    const refused = { status: 401, body: { code: 'unauthenticated' } }
    expect(await put(await other.record())).toMatchObject(refused)
    expect(await put(await other.record({ serial: member.claims.serial }))).toMatchObject(refused)
    expect(await put(await member.record({ serial: other.claims.serial }))).toMatchObject(refused)
  })

  test('an admin has no record', async () => {
    const admin = await mesh.join({ roles: ['admin'] })
    expect(await admin.publish()).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
  })

  test('leaving takes the member out, and it may come back', async () => {
    const guest = await mesh.join()
    await guest.publish()
    const leave = () => mesh.ask(guest.signer, 'DELETE', '/v1/members/self')
    expect(await leave()).toMatchObject({ status: 204 })
    expect(await leave()).toMatchObject({ status: 204 })
    const read = () => mesh.ask(mesh.admin, 'GET', `/v1/members/${guest.peerId}`)
    expect(await read()).toMatchObject({ status: 404, body: { code: 'not_found' } })
    await guest.publish()
    expect(await read()).toMatchObject({ status: 200 })
  })

  test('a relay is in the head with its addresses until it leaves', async () => {
    const relay = await mesh.join({ roles: ['relay'], as: 'r', region: 'eu-1' })
    const relaysPart = async () =>
      (await mesh.ask(mesh.admin, 'GET', '/v1/bootstrap')).body.head.relays as string
    const relays = async () =>
      JSON.parse(Buffer.from((await relaysPart()).split('.')[1] ?? '', 'base64url').toString())
    const { number } = await relays()
    await relay.publish({ addrs: ['/ip4/192.0.2.1/tcp/4001'], services: [] })
    const entry = { peerId: relay.peerId, name: 'r', region: 'eu-1' }
    expect(await relays()).toMatchObject({
      number: number + 1,
      relays: [{ ...entry, addrs: ['/ip4/192.0.2.1/tcp/4001'] }],
    })
    await relay.publish({ addrs: ['/ip4/192.0.2.1/tcp/4001'], services: ['relay-admin@1'] })
    expect((await relays()).number).toBe(number + 1)
    await relay.publish({ addrs: ['/ip4/192.0.2.2/tcp/4001'] })
    expect(await relays()).toMatchObject({
      number: number + 2,
      relays: [{ addrs: ['/ip4/192.0.2.2/tcp/4001'] }],
    })
    await mesh.ask(relay.signer, 'DELETE', '/v1/members/self')
    expect(await relays()).toMatchObject({ number: number + 3, relays: [] })
  })
})

describe('the map over HTTP', () => {
  let mesh: TestPlane
  let members: PlaneMember[]
  beforeAll(async () => {
    mesh = await startTestPlane()
    members = await Promise.all(Array.from({ length: 20 }, (_, i) => mesh.join({ as: `m-${i}` })))
    for (const member of members) await member.publish()
  })
  afterAll(() => mesh.stop())

  const read = (since?: string) =>
    mesh.ask(members[0]?.signer, 'GET', since === undefined ? '/v1/map' : `/v1/map?since=${since}`)

  test('without a cursor it is everything, with the numbers of the head', async () => {
    const { status, body } = await read()
    expect(status).toBe(200)
    expect(body).toMatchObject({ more: false, numbers: { keys: 1, relays: 1, policy: 1, revocations: 1 } })
    expect(Object.keys(await recordsOf(mesh, body)).sort()).toEqual(members.map(m => m.peerId).sort())
    for (const { shard, peerId } of body.changes as MapChange[]) expect(shard).toBe(await shardOf(peerId))
  })

  test('with a cursor it is what changed since, each member once and under its last number', async () => {
    const { body: before } = await read()
    const [a, b, c] = members as [PlaneMember, PlaneMember, PlaneMember]
    const incarnation = mesh.clock.now() + 5000
    await a.publish({ incarnation })
    await a.publish({ incarnation: incarnation + 1 })
    await b.publish({ incarnation })
    await mesh.ask(c.signer, 'DELETE', '/v1/members/self')
    const { body } = await read(before.next)
    expect(await recordsOf(mesh, body)).toEqual({ [a.peerId]: incarnation + 1, [b.peerId]: incarnation })
    expect((body.changes as MapChange[]).filter(isRemoval)).toMatchObject([
      { peerId: c.peerId, gone: c.claims.serial },
    ])
    expect(await read(body.next)).toMatchObject({ body: { changes: [], next: body.next, more: false } })
    await c.publish({ incarnation })
  })

  test('a renewed credential is no change', async () => {
    const { body: before } = await read()
    await mesh.ask(members[1]?.signer, 'POST', '/v1/renew', { body: {} })
    expect(await read(before.next)).toMatchObject({ body: { changes: [] } })
  })

  test('a foreign cursor or one of the future is a gap, a malformed one is refused', async () => {
    const { epoch, v } = parseMapCursor((await read()).body.next)
    const cursor = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url')
    const gap = { status: 410, type: 'application/problem+json', body: { code: 'map_gap' } }
    expect(await read(cursor({ epoch: 'foreign', v }))).toMatchObject(gap)
    expect(await read(cursor({ epoch, v: v.map(number => number + 1) }))).toMatchObject(gap)
    for (const bad of ['x', '%00', cursor({ epoch, v: [1] }), cursor({ epoch, v, more: 1 }), 'A'.repeat(600)])
      expect(await read(bad)).toMatchObject({ status: 400, body: { code: 'invalid_argument' } })
  })

  test('a cursor older than the log is a gap, a current one never is', async () => {
    const { body: before } = await read()
    await members[2]?.publish({ incarnation: mesh.clock.now() + 9000 })
    const { body: after } = await read()
    mesh.clock.advance(7 * day + 60_000)
    expect(await read(before.next)).toMatchObject({ status: 410, body: { code: 'map_gap' } })
    expect(await read(after.next)).toMatchObject({ status: 200, body: { changes: [] } })
    expect(Object.keys(await recordsOf(mesh, (await read()).body))).toHaveLength(20)
  })

  test('members are listed in pages, by service and region', async () => {
    const list = (query: string) => mesh.ask(mesh.admin, 'GET', `/v1/members?${query}`)
    await mesh.ask(mesh.admin, 'POST', '/v1/renew', { body: {} })
    const speaker = await mesh.join({ as: 'speaker', region: 'us-1' })
    await speaker.publish({ services: ['text@3'] })
    for (const query of ['service=text', 'service=text@3', 'region=us-1', 'service=text&region=us-1'])
      expect(await list(query)).toMatchObject({ status: 200, body: { members: [{ name: 'speaker' }] } })
    expect((await list('service=text@2')).body).toEqual({ members: [] })

    for (const filter of ['', '&service=math']) {
      const names: string[] = []
      for (let cursor = ''; ;) {
        const { body } = await list(`limit=3${cursor}${filter}`)
        expect(body.members.length).toBeLessThanOrEqual(3)
        names.push(...body.members.map((member: { name: string }) => member.name))
        if (body.next === undefined) break
        cursor = `&cursor=${body.next}`
      }
      const expected = [...members.map((_, i) => `m-${i}`), ...(filter === '' ? ['speaker'] : [])]
      expect(names.sort()).toEqual(expected.sort())
    }
    for (const query of [
      'limit=0',
      'limit=1001',
      'limit=x',
      'cursor=99.1',
      'cursor=x',
      'service=%20',
      'colour=red',
    ])
      expect(await list(query)).toMatchObject({ status: 400, body: { code: 'invalid_argument' } })
  })
})

import { signHomeClaim, type RelayReport } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'

describe('presence over HTTP', () => {
  let mesh: TestPlane
  let relay: PlaneMember
  let agent: PlaneMember
  beforeAll(async () => {
    mesh = await startTestPlane()
    relay = await mesh.join({ roles: ['relay'], as: 'relay', region: 'eu-1' })
    agent = await mesh.join({ as: 'agent', region: 'eu-1' })
    await relay.publish({ services: [] })
    await agent.publish()
  })
  afterAll(() => mesh.stop())

  const report = (changes: Partial<RelayReport> = {}): RelayReport => ({
    epoch: 'epoch-01',
    seq: 1,
    up: [],
    down: [],
    load: { agents: 1, reservations: 1, visitors: 0 },
    health: { ready: true, version: '0.1.0' },
    ...changes,
  })
  const send = (body: RelayReport, who = relay) =>
    mesh.ask(who.signer, 'POST', '/v1/relays/self/report', { body })
  const claim = (homeSeq: number, of = agent, at = relay) =>
    signHomeClaim(of.signer, { relay: at.peerId, homeSeq })
  const view = async () => (await mesh.ask(agent.signer, 'GET', `/v1/members/${agent.peerId}`)).body

  test('an agent is online by its own claim in the report of its relay', async () => {
    expect(await view()).toMatchObject({ online: false })
    const answer = await send(report({ up: [await claim(1)] }))
    expect(answer).toMatchObject({ status: 200, body: { seq: 1, numbers: { keys: 1 } } })
    expect(answer.body.expires - mesh.clock.now()).toBeGreaterThan(295_000)
    expect(await view()).toMatchObject({ online: true, at: relay.peerId })
    mesh.clock.advance(301_000)
    expect(await view()).toMatchObject({ online: false })
    await send(report({ seq: 2 }))
    expect(await view()).toMatchObject({ online: true })
  })

  test('healthy members are told at bootstrap to members', async () => {
    const ask = (query: string) => mesh.ask(agent.signer, 'GET', `/v1/bootstrap${query}`)
    expect((await ask('?service=math')).body.members).toMatchObject([{ peerId: agent.peerId, online: true }])
    expect((await ask('?service=text')).body.members).toEqual([])
    expect((await ask('?region=eu-1&limit=50')).body.members).toHaveLength(2)
    expect(await ask('?limit=51')).toMatchObject({ status: 400 })
  })

  test('health counts members, relays and services per region, with the age of the data', async () => {
    mesh.clock.advance(10_000)
    const { status, body } = await mesh.ask(agent.signer, 'GET', '/v1/health')
    expect(status).toBe(200)
    expect(body.regions).toMatchObject([
      { region: 'eu-1', members: 2, online: 2, stale: 0, relays: 1, relaysLeased: 1, load: { agents: 1 } },
    ])
    expect(body.services).toEqual([{ service: 'math@2', region: 'eu-1', members: 1, online: 1, stale: 0 }])
    expect(body.ageMs).toBeGreaterThanOrEqual(10_000)
  })

  test('a report that does not follow is a conflict that names the stored place', async () => {
    const conflict = { status: 409, body: { code: 'conflict', details: { epoch: 'epoch-01', seq: 2 } } }
    for (const stray of [{ seq: 1 }, { seq: 4 }, { epoch: 'epoch-02', seq: 2 }])
      expect(await send(report(stray))).toMatchObject(conflict)
    expect(await send(report({ seq: 2, down: [agent.peerId] }))).toMatchObject({
      status: 200,
      body: { seq: 2 },
    })
    expect(await view()).toMatchObject({ online: true })
  })

  test('no relay claims an agent that chose another, or without its claim', async () => {
    const other = await mesh.join({ roles: ['relay'], as: 'other' })
    const refused = { status: 401, body: { code: 'unauthenticated' } }
    expect(await send(report({ up: [await claim(9)] }), other)).toMatchObject(refused)
    expect(await send(report({ up: ['a.b.c'] }), other)).toMatchObject(refused)
    expect(await send(report({ up: [await claim(0, agent, other)] }), other)).toMatchObject({ status: 200 })
    expect(await view()).toMatchObject({ at: relay.peerId })
    expect(await send(report({ seq: 2, up: [await claim(2, agent, other)] }), other)).toMatchObject({
      status: 200,
    })
    expect(await view()).toMatchObject({ online: true, at: other.peerId })
  })

  test('only relays report', async () => {
    expect(await send(report(), agent)).toMatchObject({ status: 403, body: { code: 'permission_denied' } })
  })
})

/** Scaling signals and failing checks over HTTP: who may read them, and what they say of what relays report. */
import { signScalingToken, type RelayReport } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { day, startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'

let mesh: TestPlane
let relay: PlaneMember
let agent: PlaneMember
let seq = 0
beforeAll(async () => {
  mesh = await startTestPlane()
  relay = await mesh.join({ roles: ['relay'], as: 'relay', region: 'eu-1' })
  agent = await mesh.join({ as: 'agent', region: 'eu-1' })
  await relay.publish({ services: [] })
  await agent.publish()
})
afterAll(() => mesh.stop())

const send = (health: Partial<RelayReport['health']>) =>
  mesh.ask(relay.signer, 'POST', '/v1/relays/self/report', {
    body: {
      ...{
        epoch: 'epoch-01',
        seq: ++seq,
        up: [],
        down: [],
        load: { agents: 1, reservations: 1, visitors: 0 },
      },
      health: { ready: true, version: '0.1.0', region: 'eu-1', ...health },
    },
  })
/** Reports are read again after 5 s. */
const later = (ms = 6_000) => mesh.clock.advance(ms)
const read = (query: string) => mesh.ask(agent.signer, 'GET', `/v1/scaling?${query}`)
const bearer = (token: string, query = 'service=math') =>
  mesh.ask(undefined, 'GET', `/v1/scaling?${query}`, { headers: { authorization: `Bearer ${token}` } })
const tokenOf = (signer: PlaneMember['signer'], changes: { lifeMs?: number; service?: string } = {}) =>
  signScalingToken(signer, { meshId: mesh.plane.meshId, now: mesh.clock.now(), lifeMs: day, ...changes })

describe('GET /v1/scaling', () => {
  test('holds the members of the map while no relay reports their load', async () => {
    expect(await read('service=math')).toMatchObject({
      status: 200,
      body: { service: 'math', current: 1, desired: 1, stale: true, reason: 'no provider reports its load' },
    })
    expect((await read('service=unheard')).body).toMatchObject({ current: 0, desired: 1, stale: true })
  })

  test('adds up what relays report of a service, of any version or one, of all regions or one', async () => {
    const services: RelayReport['health']['services'] = [
      ['png@1', 4, 4, 4, 90, 12, 30],
      ['png@2', 2, 1, 1, 40, 3, 0],
    ]
    expect((await send({ services })).body).toMatchObject({ agentsHealth: true })
    later()
    const both = { current: 6, ready: 5, saturation: 0.8, desired: 8, stale: false, queueMs: 12 }
    expect((await read('service=png')).body).toMatchObject({ ...both, shedPerSecond: 0.5, ageSeconds: 6 })
    expect((await read('service=png@2')).body).toMatchObject({ current: 2, saturation: 0.4 })
    expect((await read('service=png&region=eu-1')).body).toMatchObject({ region: 'eu-1', current: 6 })
    expect((await read('service=png&region=us-1')).body).toMatchObject({ current: 0, stale: true })
  })

  test('holds its value once reports are older than 150 s, and with a lease that ended', async () => {
    await read('service=png')
    later(151_000)
    expect((await read('service=png')).body).toMatchObject({ current: 6, desired: 8, stale: true })
    later(200_000)
    expect((await read('service=png')).body).toMatchObject({ current: 0, desired: 8, stale: true })
    await send({ services: [['png@1', 6, 6, 6, 60, 0, 0]] })
    later()
    expect((await read('service=png')).body).toMatchObject({ current: 6, desired: 8, stale: false })
  })

  test('is refused to strangers, and without a service', async () => {
    expect(await mesh.ask(undefined, 'GET', '/v1/scaling?service=math')).toMatchObject({ status: 401 })
    expect(await read('')).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('no service') as string },
    })
  })

  test('is open to bearers of a token by an admin, for the services it is for', async () => {
    expect(await bearer(await tokenOf(mesh.admin))).toMatchObject({ status: 200, body: { service: 'math' } })
    const limited = await tokenOf(mesh.admin, { service: 'png' })
    expect(await bearer(limited, 'service=png@2')).toMatchObject({ status: 200 })
    expect(await bearer(limited)).toMatchObject({ status: 403 })
  })

  test('is refused to bearers of a token by an agent, of another mesh, of another kind, and once it has expired', async () => {
    expect(await bearer(await tokenOf(agent.signer))).toMatchObject({ status: 403 })
    const foreign = { meshId: 'a'.repeat(52), now: mesh.clock.now(), lifeMs: day }
    expect(await bearer(await signScalingToken(mesh.admin, foreign))).toMatchObject({ status: 401 })
    expect(await bearer(agent.credential)).toMatchObject({ status: 401 })
    expect(await bearer('x')).toMatchObject({ status: 401 })
    const short = await tokenOf(mesh.admin, { lifeMs: 60_000 })
    expect(await bearer(short)).toMatchObject({ status: 200 })
    later(61_000)
    expect(await bearer(short)).toMatchObject({ status: 401 })
    await expect(tokenOf(mesh.admin, { lifeMs: 367 * day })).rejects.toThrow(
      'Cannot sign scaling token: it would live',
    )
  })

  test('no other route accepts such a token', async () => {
    const authorization = `Bearer ${await tokenOf(mesh.admin)}`
    for (const path of ['/v1/health', '/v1/members', '/v1/policy', '/v1/tokens'])
      expect(await mesh.ask(undefined, 'GET', path, { headers: { authorization } })).toMatchObject({
        status: 401,
      })
  })

  test('a token ends with the right of its signer', async () => {
    const scaler = await mesh.join({ roles: ['admin'], as: 'scaler' })
    const token = await tokenOf(scaler.signer)
    expect(await bearer(token)).toMatchObject({ status: 200 })
    await mesh.ask(mesh.admin, 'POST', `/v1/members/${scaler.peerId}/revoke`)
    expect((await bearer(token)).status).not.toBe(200)
  })
})

test('GET /v1/health says which checks fail where, as relays report it', async () => {
  await send({
    checks: [
      ['queue', 'failing', 2, ['ada', 'ben']],
      ['disk', 'warning', 1, ['ada']],
    ],
  })
  later()
  const { body } = await mesh.ask(agent.signer, 'GET', '/v1/health')
  expect(body.checks).toEqual([
    { check: 'disk', region: 'eu-1', level: 'warning', members: 1, of: ['ada'] },
    { check: 'queue', region: 'eu-1', level: 'failing', members: 2, of: ['ada', 'ben'] },
  ])
})

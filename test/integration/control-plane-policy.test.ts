import { apiRoutes, defaultPolicy, verifyHead, type Policy, type SignedHead } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MapWatcher } from '../support/map-watcher.ts'
import { startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'

const manage = { from: ['role:admin'], to: ['admin:*'], allow: ['manage'] as 'manage'[] }
const opsOnly: Policy = {
  grants: [{ from: ['role:ops'], to: ['service:math.*'], allow: ['call'] }, manage],
  tests: [{ from: 'role:agent', action: 'call', to: 'service:math.add', expect: 'deny' }],
}

describe('the policy over HTTP', () => {
  let mesh: TestPlane
  let agent: PlaneMember
  beforeAll(async () => {
    mesh = await startTestPlane()
    agent = await mesh.join({ as: 'agent-1' })
    await agent.publish()
  })
  afterAll(() => mesh.stop())

  const read = async () => (await mesh.ask(mesh.admin, 'GET', '/v1/policy')).body
  const put = (body: object, query = '', who = mesh.admin) =>
    mesh.ask(who, 'PUT', `/v1/policy${query}`, { body })
  const audited = async () => {
    const { body } = await mesh.ask(mesh.admin, 'GET', '/v1/policy')
    return body.number as number
  }

  test('every route of admins is closed to agents and relays, whatever they send', async () => {
    const relay = await mesh.join({ roles: ['relay'] })
    const routes = apiRoutes.filter(({ auth }) => auth === 'admin')
    expect(new Set(routes.map(route => route.manage))).toEqual(
      expect.objectContaining(new Set(['admin:tokens', 'admin:policy', 'admin:revocations'])),
    )
    for (const { method, path } of routes)
      for (const { signer } of [agent, relay]) {
        const url = path.replace('{peerId}', agent.peerId).replace('{id}', 'A'.repeat(16))
        const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} }
        const nonce = method === 'POST' ? { nonce: crypto.randomUUID().replaceAll('-', '') } : {}
        expect(await mesh.ask(signer, method, url, { ...body, ...nonce })).toMatchObject({
          status: 403,
          body: { code: 'permission_denied' },
        })
      }
  })

  test('a dry run tells who gains and loses what, and writes nothing', async () => {
    const ops = await mesh.join({ roles: ['agent', 'ops'], as: 'ops-1' })
    await ops.publish()
    const { number } = await read()
    const policy = {
      grants: [...opsOnly.grants, { from: ['role:ops'], to: ['topic:new'], allow: ['publish'] }],
      tests: [],
    }
    const { status, body } = await put(
      { policy: { ...policy, grants: policy.grants }, expected: number },
      '?dryRun=true',
    )
    expect(status).toBe(200)
    expect(body).toMatchObject({ number, written: false, changed: 3, members: 3 })
    const changeOf = (name: string) => body.changes.find((change: { name: string }) => change.name === name)
    expect(changeOf('agent-1').lost).toContainEqual({ action: 'call', target: 'service:math.*' })
    expect(changeOf('ops-1').lost).not.toContainEqual({ action: 'call', target: 'service:math.*' })
    expect(changeOf('ops-1').lost).toContainEqual({ action: 'call', target: 'service:*' })
    expect(changeOf('agent-1').gained).toEqual([])
    const first = await put({ policy, expected: number }, '?dryRun=true&limit=1')
    expect(first.body).toMatchObject({ changed: 3, changes: [{ name: 'admin' }] })
    expect(await read()).toMatchObject({ number, policy: defaultPolicy })
  })

  test('a write with failing tests is refused, with their names, and writes nothing', async () => {
    const { number } = await read()
    const tests = [
      { from: 'role:ops', action: 'call', to: 'service:math.add', expect: 'deny' },
      { from: 'role:ops', action: 'call', to: 'service:math.add', expect: 'allow' },
    ]
    for (const query of ['', '?dryRun=true'])
      expect(await put({ policy: { ...opsOnly, tests }, expected: number }, query)).toMatchObject({
        status: 400,
        body: { details: { failed: ['role:ops call service:math.add: expected deny'] } },
      })
    expect(await read()).toMatchObject({ number, policy: defaultPolicy })
  })

  test('a write after which nobody could write is refused, unless it is forced', async () => {
    const own = await startTestPlane()
    const policy: Policy = { grants: [], tests: [] }
    const write = (more: object) =>
      own.ask(own.admin, 'PUT', '/v1/policy', { body: { policy, expected: 1, ...more } })
    expect(await write({})).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('change it again') },
    })
    const heir = await own.join()
    const toHeir: Policy = { grants: [{ ...manage, from: [`peer:${heir.peerId}`] }], tests: [] }
    expect(await write({ policy: toHeir })).toMatchObject({ status: 200 })
    expect(await own.ask(own.admin, 'GET', '/v1/tokens')).toMatchObject({ status: 403 })
    const forced = { body: { policy, expected: 2, force: true } }
    expect(await own.ask(heir.signer, 'PUT', '/v1/policy', { body: { policy, expected: 2 } })).toMatchObject({
      status: 403,
    })
    expect(await own.ask(heir.signer, 'PUT', '/v1/policy', forced)).toMatchObject({
      status: 200,
      body: { number: 3 },
    })
    await own.stop()
  })

  test('a write is pushed to watchers at once, signed with the next number; a rival is told of it', async () => {
    const relay = await mesh.join({ roles: ['relay'] })
    const url = new URL('/v1/watch', mesh.plane.url.replace('http', 'ws'))
    const watcher = new MapWatcher(url, await mesh.authorization(relay.signer, 'GET', url))
    const heads = (): SignedHead[] =>
      watcher.received.flatMap(({ message }) => (message.type === 'head' ? [message.head] : []))
    await expect.poll(() => heads().length, { interval: 5, timeout: 20_000 }).toBe(1)
    const expected = (await read()).number as number
    expect(await put({ policy: opsOnly, expected })).toMatchObject({
      status: 200,
      body: { number: expected + 1, written: true },
    })
    await expect.poll(() => heads().length, { interval: 5, timeout: 20_000 }).toBeGreaterThan(1)
    const head = await verifyHead(mesh.plane.meshId, heads().at(-1) as SignedHead)
    expect(head).toMatchObject({ numbers: { policy: expected + 1 }, policy: opsOnly })
    expect(await put({ policy: defaultPolicy, expected })).toMatchObject({
      status: 409,
      body: { details: { number: expected + 1 } },
    })
    const rivals = await Promise.all(
      [1, 2, 3].map(() => put({ policy: defaultPolicy, expected: expected + 1 })),
    )
    expect(rivals.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    expect(await audited()).toBe(expected + 2)
    watcher.socket.close()
  })

  test('unknown grants, actions and parameters are refused', async () => {
    const expected = (await read()).number as number
    const bad = { status: 400, body: { code: 'invalid_argument' } }
    expect(await put({ policy: { grants: [{ ...manage, later: 1 }], tests: [] }, expected })).toMatchObject(
      bad,
    )
    expect(await put({ policy: opsOnly })).toMatchObject(bad)
    expect(await put({ policy: opsOnly, expected }, '?dryRun=maybe')).toMatchObject(bad)
  })
})

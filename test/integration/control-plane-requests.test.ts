import { request as httpRequest } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { apiRoutes, limits } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testKey } from '../support/mesh-fixture.ts'
import { secretOf, startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'

describe('what the API refuses', () => {
  let mesh: TestPlane
  let member: PlaneMember
  beforeAll(async () => {
    mesh = await startTestPlane()
    member = await mesh.join()
  })
  afterAll(() => mesh.stop())

  const problem = (status: number, code: string) => ({
    status,
    type: 'application/problem+json',
    body: {
      type: `urn:agent-mesh:error:${code}`,
      title: code,
      status,
      code,
      detail: expect.stringMatching(/^Cannot /),
    },
  })
  const unauthenticated = problem(401, 'unauthenticated')

  test('every route but the open one without a signature, and to strangers', async () => {
    const { signer } = await testKey()
    for (const { method, path, auth } of apiRoutes) {
      if (auth === 'optional' || auth === 'open') continue
      const url = path.replace('{peerId}', member.peerId).replace('{id}', 'A'.repeat(16))
      const body = method === 'POST' || method === 'PUT' ? { body: {} } : {}
      expect(await mesh.ask(undefined, method, url, body)).toMatchObject(unauthenticated)
      if (auth !== 'key') expect(await mesh.ask(signer, method, url, body)).toMatchObject(unauthenticated)
    }
  })

  test('a signature of another body, path, query, mesh or key', async () => {
    const { signer } = member
    const record = await member.record()
    const ask = (signed: object) =>
      mesh.ask(signer, 'PUT', '/v1/members/self', { body: { record }, signed: signed })
    expect(await ask({ body: { record: `${record}x` } })).toMatchObject(unauthenticated)
    expect(await ask({ path: '/v1/members/other' })).toMatchObject(unauthenticated)
    expect(await ask({ meshId: 'a'.repeat(52) })).toMatchObject(unauthenticated)
    expect(
      await mesh.ask(signer, 'GET', '/v1/members?limit=2', { signed: { path: '/v1/members?limit=3' } }),
    ).toMatchObject(unauthenticated)
  })

  test('a header that is no JWS, or one of another kind', async () => {
    const jws = await member.record()
    const tampered = (
      await mesh.authorization(member.signer, 'GET', new URL('/v1/map', mesh.plane.url))
    ).slice(0, -4)
    for (const authorization of [
      'Bearer x',
      'Mesh',
      'Mesh x',
      'Mesh a.b.c',
      `Mesh ${jws}`,
      `${tampered}AAAA`,
      `${tampered}`,
    ])
      expect(await mesh.ask(undefined, 'GET', '/v1/map', { headers: { authorization } })).toMatchObject(
        unauthenticated,
      )
    const huge = await mesh.ask(undefined, 'GET', '/v1/map', {
      headers: { authorization: `Mesh ${'A'.repeat(5000)}` },
    })
    expect(huge).toMatchObject(problem(413, 'too_large'))
  })

  test('a signature of another time, telling the server time', async () => {
    for (const skew of [-61_500, 61_500]) {
      const sentAt = mesh.clock.now()
      const now = sentAt + skew
      const answer = await mesh.ask(member.signer, 'GET', '/v1/map', { signed: { now } })
      expect(answer).toMatchObject(problem(401, 'clock_skew'))
      expect(answer.body.details.now).toBeGreaterThanOrEqual(sentAt)
      expect(answer.body.details.now).toBeLessThanOrEqual(mesh.clock.now())
    }
    const now = mesh.clock.now() - 55_000
    expect(await mesh.ask(member.signer, 'GET', '/v1/map', { signed: { now } })).toMatchObject({
      status: 200,
    })
    const stale = { signed: { now: now - 60_000 } }
    expect(await mesh.ask(member.signer, 'GET', '/v1/bootstrap', stale)).toMatchObject(
      problem(401, 'clock_skew'),
    )
  })

  test('a nonce a second time', async () => {
    const create = (nonce: string) => mesh.ask(mesh.admin, 'POST', '/v1/tokens', { body: {}, nonce })
    expect(await create('n'.repeat(16))).toMatchObject({ status: 200 })
    expect(await create('n'.repeat(16))).toMatchObject(problem(409, 'conflict'))
    expect(await create('m'.repeat(16))).toMatchObject({ status: 200 })
  })

  test.each(apiRoutes.filter(({ nonce }) => nonce))(
    '$method $path without a nonce',
    async ({ method, path }) => {
      const at = path.replace('{peerId}', member.peerId).replace('{id}', 'A'.repeat(16))
      const answer = await mesh.ask(mesh.admin, method, at, { nonce: false })
      expect(answer).toMatchObject(problem(401, 'unauthenticated'))
      expect(answer.body.detail).toContain('nonce')
    },
  )

  test('unknown fields and parameters, bodies where none belongs, and what is no JSON', async () => {
    const bad = problem(400, 'invalid_argument')
    const put = (options: object) => mesh.ask(member.signer, 'PUT', '/v1/members/self', options)
    expect(await put({ body: { record: await member.record(), more: 1 } })).toMatchObject(bad)
    expect((await put({ body: { record: await member.record(), more: 1 } })).body.detail).toContain('more')
    for (const raw of ['', 'null', '[]', '{', '{"record":1}', '\xff', '{"__proto__":{}}'])
      expect(await put({ raw: Uint8Array.from(Buffer.from(raw, 'latin1')) })).toMatchObject(bad)
    expect(await mesh.ask(member.signer, 'GET', '/v1/map?since=&x=1')).toMatchObject(bad)
    expect(await mesh.ask(member.signer, 'GET', '/v1/members?limit=1&limit=2')).toMatchObject(bad)
    expect(await mesh.ask(member.signer, 'DELETE', '/v1/members/self', { body: {} })).toMatchObject(bad)
    expect(await mesh.ask(member.signer, 'GET', '/v1/members/nobody')).toMatchObject(bad)
  })

  test('an oversize body, announced or not, before anything is parsed', async () => {
    const { signer } = await testKey()
    const over = (bytes: number) => ({ raw: new Uint8Array(bytes + 1) })
    const tooLarge = problem(413, 'too_large')
    for (const [who, method, path, most] of [
      [signer, 'POST', '/v1/enrol', limits.smallRequestBytes],
      [member.signer, 'PUT', '/v1/members/self', limits.smallRequestBytes],
      [mesh.admin, 'PUT', '/v1/policy', limits.requestBytes],
    ] as const) {
      expect(await mesh.ask(who, method, path, over(most))).toMatchObject(tooLarge)
      expect(await mesh.ask(who, method, path, over(most - 1))).toMatchObject({ status: 400 })
    }
    expect(await mesh.ask(undefined, 'POST', '/v1/enrol', over(1))).toMatchObject(unauthenticated)

    const enrol = new URL('/v1/enrol', mesh.plane.url)
    const authorization = await mesh.authorization(signer, 'POST', enrol)
    const chunked = await new Promise<{ status: number; sent: number }>((resolve, reject) => {
      const url = new URL('/v1/enrol', mesh.plane.url)
      const request = httpRequest(url, {
        method: 'POST',
        headers: { 'transfer-encoding': 'chunked', authorization },
      })
      let sent = 0
      let answered = false
      request.on('response', response => {
        answered = true
        response.resume()
        resolve({ status: response.statusCode ?? 0, sent })
      })
      request.on('error', error => {
        if (!answered) reject(error)
      })
      const write = (): void => {
        while (!answered && sent < 64 * limits.requestBytes) {
          sent += 65536
          if (!request.write(Buffer.alloc(65536))) return void request.once('drain', write)
        }
      }
      write()
    })
    expect(chunked.status).toBe(413)
    expect(chunked.sent).toBeLessThan(64 * limits.requestBytes)
    expect(await mesh.ask(undefined, 'GET', '/health')).toMatchObject({ status: 200 })
  })

  test('paths it does not have', async () => {
    for (const [method, path] of [
      ['GET', '/v2/map'],
      ['GET', '/'],
      ['GET', '/v1/%2e%2e/x'],
    ] as const)
      expect(await mesh.ask(member.signer, method, path)).toMatchObject(problem(404, 'not_found'))
  })

  test('a broken database, without naming it', async () => {
    const broken = await startTestPlane()
    const guest = await broken.join()
    const db = new DatabaseSync(`${broken.data}/control-plane.db`)
    db.exec('DROP TABLE map_log')
    db.close()
    const answer = await guest.publish()
    expect(answer).toMatchObject(problem(503, 'unavailable'))
    expect(JSON.stringify(answer.body)).not.toMatch(/\.ts|\.db|map_log/)
    await broken.stop()
  })
})

describe('tokens over HTTP', () => {
  let mesh: TestPlane
  beforeAll(async () => void (mesh = await startTestPlane()))
  afterAll(() => mesh.stop())

  test('are for those whom the policy lets manage them', async () => {
    const agent = await mesh.join()
    const relay = await mesh.join({ roles: ['relay'] })
    const denied = { status: 403, body: { code: 'permission_denied' } }
    for (const { signer } of [agent, relay]) {
      expect(await mesh.ask(signer, 'POST', '/v1/tokens', { body: {} })).toMatchObject(denied)
      expect(await mesh.ask(signer, 'GET', '/v1/tokens')).toMatchObject(denied)
      expect(await mesh.ask(signer, 'DELETE', '/v1/tokens/AAAAAAAAAAAAAAAA')).toMatchObject(denied)
    }
    const admin = await mesh.join({ roles: ['admin'] })
    expect(await mesh.ask(admin.signer, 'GET', '/v1/tokens')).toMatchObject({ status: 200 })
  })

  test('are made, listed without their secret, and revoked', async () => {
    const body = { uses: 3, expiresIn: 60, roles: ['agent', 'ops'], tags: ['t'], region: 'eu-1' }
    const made = await mesh.ask(mesh.admin, 'POST', '/v1/tokens', { body })
    expect(made).toMatchObject({
      status: 200,
      body: { view: { uses: 3, left: 3, revoked: false, region: 'eu-1' } },
    })
    const { id } = made.body.view
    const list = async () => (await mesh.ask(mesh.admin, 'GET', '/v1/tokens?limit=1000')).body.tokens
    const listed = (await list()).find((view: { id: string }) => view.id === id)
    expect(listed).toEqual(made.body.view)
    expect(JSON.stringify(await list())).not.toContain(secretOf(made.body.token))
    expect(await mesh.ask(mesh.admin, 'DELETE', `/v1/tokens/${id}`)).toMatchObject({ status: 204 })
    expect((await list()).find((view: { id: string }) => view.id === id)).toMatchObject({ revoked: true })
    expect(await mesh.ask(mesh.admin, 'DELETE', '/v1/tokens/AAAAAAAAAAAAAAAA')).toMatchObject({ status: 404 })
  })

  test('refuse a name for several members, and limits that make no sense', async () => {
    for (const body of [
      { uses: 2, name: 'n' },
      { uses: 0 },
      { expiresIn: 0 },
      { roles: ['A B'] },
      { colour: 'red' },
    ])
      expect(await mesh.ask(mesh.admin, 'POST', '/v1/tokens', { body })).toMatchObject({
        status: 400,
        body: { code: 'invalid_argument' },
      })
  })
})

describe('what operators ask', () => {
  let mesh: TestPlane
  beforeAll(async () => void (mesh = await startTestPlane()))
  afterAll(() => mesh.stop())

  test('/health, /ready and the description of the API are open', async () => {
    expect(await mesh.ask(undefined, 'GET', '/health')).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(await mesh.ask(undefined, 'GET', '/ready')).toMatchObject({
      status: 200,
      body: { status: 'ready' },
    })
    const { body } = await mesh.ask(undefined, 'GET', '/v1/openapi.json')
    for (const { method, path } of apiRoutes) expect(body.paths[path][method.toLowerCase()]).toBeDefined()
  })

  test('/metrics counts requests by route and status, members and changes', async () => {
    await (await mesh.join()).publish()
    await mesh.ask(undefined, 'GET', '/v1/map')
    const { body } = await mesh.ask(undefined, 'GET', '/metrics')
    for (const line of [
      'agent_mesh_requests_total{route="POST /v1/enrol",status="200"} 1',
      'agent_mesh_requests_total{route="GET /v1/map",status="401"} 1',
      'agent_mesh_request_seconds_count{route="POST /v1/enrol"} 1',
      'agent_mesh_members 1',
      'agent_mesh_watchers 0',
      'agent_mesh_changes_total{what="join"} 2',
    ])
      expect(body).toContain(line)
  })

  test('the policy in force and the revocations, to members', async () => {
    const { signer } = await mesh.join()
    const policy = await mesh.ask(signer, 'GET', '/v1/policy')
    expect(policy).toMatchObject({ status: 200, body: { number: 1, policy: { tests: [] } } })
    expect(policy.body.policy.grants).toHaveLength(2)
    expect(await mesh.ask(signer, 'GET', '/v1/revocations')).toMatchObject({
      status: 200,
      body: { number: 1 },
    })
  })

  test('a stopped control plane takes no more requests and ends no answer in the middle', async () => {
    const other = await startTestPlane()
    const answers = Array.from({ length: 20 }, () => other.ask(undefined, 'GET', '/v1/bootstrap'))
    await Promise.race(answers)
    await other.stop()
    const settled = await Promise.allSettled(answers)
    for (const answer of settled)
      if (answer.status === 'fulfilled')
        expect(answer.value).toMatchObject({ status: 200, body: { meshId: other.plane.meshId } })
    await expect(other.ask(undefined, 'GET', '/health')).rejects.toThrow()
  })
})

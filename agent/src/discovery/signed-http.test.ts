import { MeshError, problemOf, verifyRequest } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { testKey, TestMesh, type TestKey } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { systemClock, type Clock } from '../observe/clock.ts'
import { discoveryDefaults } from './defaults.ts'
import { SignedHttp } from './signed-http.ts'
import { TestServer, type ServedAnswer, type ServedRequest } from './testing/test-server.ts'

let meshId: string
let key: TestKey
let server: TestServer
/** What the server answers, by how often it was asked. */
let answer: (asked: ServedRequest, count: number) => ServedAnswer | Promise<ServedAnswer>

const problem = (error: MeshError): ServedAnswer => ({ status: error.status, body: problemOf(error) })
const away = problem(new MeshError('unavailable', 'Cannot answer: the store is away'))

beforeEach(async () => {
  meshId = (await TestMesh.create()).meshId
  key = await testKey()
  answer = () => ({})
  server = await TestServer.start((asked, count) => answer(asked, count))
})
afterEach(() => server.stop())

const http = (clock: Clock = systemClock, signer: TestKey['signer'] | undefined = key.signer) =>
  new SignedHttp({ url: `${server.url}/`, meshId, signer, clock })

/** Verifies as the control plane does. */
const verified = ({ authorization, ...parts }: ServedRequest, now = Date.now()) =>
  verifyRequest(authorization, parts, { meshId, now })

describe('SignedHttp', () => {
  test('signs method, path, query and body', async () => {
    await http().tell({ method: 'POST', path: '/v1/renew', query: { b: '2', a: undefined }, body: { x: 1 } })
    const [asked] = server.asked
    expect(asked?.url.search).toBe('?b=2')
    const { peerId, claims } = await verified(asked!)
    expect(peerId).toBe(key.kid)
    expect(claims.nonce).toBeUndefined()
  })

  test('knows whether the server answers, and since when, whatever was asked', async () => {
    let now = 1_000
    const client = http({ ...systemClock, now: () => Date.now(), monotonic: () => now })
    const ask = (signal?: AbortSignal) =>
      client.tell({ method: 'PUT', path: '/v1/members/self', signal, once: true }).catch(() => undefined)
    const after = async (next: () => ServedAnswer, signal?: AbortSignal) => {
      now += 1_000
      answer = next
      await ask(signal)
      return client.reachability.last
    }
    expect(client.reachability.last).toBeUndefined()
    expect(await after(() => ({}))).toEqual({ answers: true, since: 2_000 })
    expect(await after(() => problem(new MeshError('not_found', 'Cannot')))).toMatchObject({ since: 2_000 })
    expect(await after(() => away)).toEqual({ answers: false, since: 4_000 })
    expect(await after(() => ({ status: 502 }))).toMatchObject({ answers: false, since: 4_000 })
    expect(await after(() => ({}))).toEqual({ answers: true, since: 6_000 })
    await server.stop()
    expect(await after(() => ({}), AbortSignal.abort())).toMatchObject({ answers: true })
    expect(await after(() => ({}))).toEqual({ answers: false, since: 8_000 })
  })

  test('goes unsigned without a key', async () => {
    const unsigned = new SignedHttp({ url: server.url, meshId, clock: systemClock })
    await unsigned.tell({ method: 'GET', path: '/v1/bootstrap' })
    expect(server.asked[0]?.authorization).toBeUndefined()
  })

  test('is not sent again what it polls while the server says that it holds', async () => {
    const [client, other] = [http(), http()]
    const poll = {
      method: 'GET',
      path: '/v1/bootstrap',
      reply: z.object({ n: z.number() }),
      polled: true,
    } as const
    let etag = 'W/"1"'
    answer = ({ ifNoneMatch }) =>
      ifNoneMatch === etag
        ? { status: 304, body: '' }
        : { headers: { etag }, body: { n: server.asked.length } }
    expect(await client.ask(poll)).toEqual({ n: 1 })
    expect(await client.ask(poll)).toEqual({ n: 1 })
    expect(await other.ask(poll)).toEqual({ n: 3 })
    expect(await client.ask({ ...poll, query: { region: 'eu-1' } })).toEqual({ n: 4 })
    etag = 'W/"2"'
    expect(await client.ask(poll)).toEqual({ n: 5 })
    expect(server.asked.map(({ ifNoneMatch }) => ifNoneMatch)).toEqual([
      undefined,
      'W/"1"',
      undefined,
      undefined,
      'W/"1"',
    ])
  })

  test('repeats what is idempotent while the control plane is away', async () => {
    answer = (_, count) => (count < discoveryDefaults.requestTries ? away : { body: { done: true } })
    const reply = z.object({ done: z.boolean() })
    expect(await http().ask({ method: 'GET', path: '/v1/map', reply })).toEqual({ done: true })
    expect(server.asked).toHaveLength(discoveryDefaults.requestTries)
  })

  test('waits as long as it is told, a little more at most by half', async () => {
    const told: number[] = []
    answer = () => {
      told.push(performance.now())
      const limited = new MeshError('rate_limited', 'Cannot accept request', {
        details: { retryAfterMs: 300 },
      })
      return told.length === 1 ? problem(limited) : {}
    }
    await http().tell({ method: 'GET', path: '/v1/map' })
    const [first = 0, second = 0] = told
    expect(second - first).toBeGreaterThanOrEqual(295)
  })

  test('gives up after so many tries, with the last reason', async () => {
    answer = () => away
    const asking = http().tell({ method: 'GET', path: '/v1/map' })
    expect(await refusal(asking)).toBe('unavailable: Cannot answer: the store is away')
    expect(server.asked).toHaveLength(discoveryDefaults.requestTries)
  })

  test('sends what is not idempotent once, with a nonce of its own each time', async () => {
    answer = () => away
    const create = () => http().tell({ method: 'POST', path: '/v1/tokens', body: {}, once: true })
    expect(await refusal(create())).toMatch(/^unavailable: /)
    expect(await refusal(create())).toMatch(/^unavailable: /)
    const nonces = await Promise.all(server.asked.map(async asked => (await verified(asked)).claims.nonce))
    expect(nonces).toHaveLength(2)
    expect(new Set(nonces).size).toBe(2)
    expect(nonces).not.toContain(undefined)
  })

  test('does not repeat what was refused', async () => {
    answer = () => problem(new MeshError('permission_denied', 'Cannot manage: no grant'))
    expect(await refusal(http().tell({ method: 'GET', path: '/v1/tokens' }))).toMatch(/^permission_denied: /)
    expect(server.asked).toHaveLength(1)
  })

  test('corrects a wrong clock once, and signs with the server time from then on', async () => {
    const dayMs = 24 * 3600_000
    const late: Clock = { now: () => Date.now() - dayMs, monotonic: () => performance.now() }
    answer = async asked => {
      try {
        await verified(asked)
        return {}
      } catch (error) {
        return problem(error as MeshError)
      }
    }
    const client = http(late)
    await client.tell({ method: 'GET', path: '/v1/map' })
    expect(server.asked).toHaveLength(2)
    await client.tell({ method: 'GET', path: '/v1/map' })
    expect(server.asked).toHaveLength(3)
  })

  test('knows the time of the server also after the own clock was set', async () => {
    const [serverTime, day] = [1_700_000_000_000, 86_400_000]
    const time = { now: serverTime - 365 * day, monotonic: 5_000 }
    const clock = { ...systemClock, now: () => time.now, monotonic: () => time.monotonic }
    const skew = new MeshError('clock_skew', 'Cannot accept request', { details: { now: serverTime } })
    answer = () => problem(skew)
    const client = http(clock)
    await refusal(client.tell({ method: 'GET', path: '/v1/map' }))
    expect(client.clockOffset).toBe(365 * day)
    time.now = serverTime + 1_000
    time.monotonic += 1_000
    expect(client.clockOffset).toBe(0)
  })

  test('does not go round in circles with a server that disagrees with itself about the time', async () => {
    answer = () => problem(new MeshError('clock_skew', 'Cannot accept request', { details: { now: 60_000 } }))
    expect(await refusal(http().tell({ method: 'GET', path: '/v1/map' }))).toMatch(/^clock_skew: /)
    expect(server.asked).toHaveLength(2)
  })

  test('refuses a reply that is not of its schema', async () => {
    answer = () => ({ body: '<html>' })
    const reply = z.object({})
    expect(await refusal(http().ask({ method: 'GET', path: '/v1/map', reply }))).toMatch(/^protocol_error: /)
  })
})

import { request as httpRequest, type ClientRequest } from 'node:http'
import { apiRoutes, jwkSigner, limits, parseMapCursor, type Signer } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { testKey } from '../support/mesh-fixture.ts'
import { quickest } from '../support/quickest.ts'
import { secretOf, startTestPlane, type TestPlane } from './control-plane-fixture.ts'

describe('the limit of a source', () => {
  let mesh: TestPlane
  beforeAll(async () => {
    mesh = await startTestPlane({ trustProxy: '1' })
  })
  afterAll(() => mesh.stop())

  /** Behind the proxy; the addresses before the last were written by the sender. */
  const from = (address: string) => ({ headers: { 'x-forwarded-for': `203.0.113.99, ${address}` } })
  const guess = async (address: string) =>
    mesh.ask((await testKey()).signer, 'POST', '/v1/enrol', {
      body: { secret: 'g'.repeat(42) + 'A' },
      ...from(address),
    })

  test('turns away who guesses tokens, with the time to come back, and nobody else', async () => {
    const { token } = await mesh.plane.createToken({ uses: 100 })
    const answers: Awaited<ReturnType<typeof guess>>[] = []
    for (let i = 0; i < 20; i++) answers.push(await guess('192.0.2.7'))
    expect(answers.filter(({ status }) => status === 403).length).toBeGreaterThanOrEqual(15)
    // Not the last one: on a slow machine there is room for another guess by then.
    const refused = answers.find(({ status }) => status === 429)
    expect(refused?.body).toMatchObject({ code: 'rate_limited' })
    expect(refused?.body.details.retryAfterMs).toBeGreaterThan(0)

    const joins = Array.from({ length: 60 }, async () =>
      mesh.ask((await testKey()).signer, 'POST', '/v1/enrol', {
        body: { secret: secretOf(token) },
        ...from('192.0.2.8'),
      }),
    )
    expect((await Promise.all(joins)).filter(({ status }) => status !== 200)).toEqual([])
  })

  test('holds for signatures of strangers on any route, never for members', async () => {
    const { signer } = await mesh.join()
    const asked = async (who: typeof signer, address: string) =>
      (await mesh.ask(who, 'GET', '/v1/map', from(address))).status
    const statuses = new Set<number>()
    for (let i = 0; i < 20; i++) statuses.add(await asked((await testKey()).signer, '192.0.2.9'))
    expect([...statuses]).toEqual([401, 429])
    for (let i = 0; i < 30; i++) expect(await asked(signer, '192.0.2.10')).toBe(200)
    mesh.clock.advance(30 * 24 * 3600_000)
    for (let i = 0; i < 30; i++) expect(await asked(signer, '192.0.2.10')).toBe(401)
  })
  test('lets no stranger shut out the members behind the same NAT', async () => {
    const nat = from('192.0.2.11')
    const { signer } = await mesh.join()
    expect((await mesh.ask(signer, 'GET', '/v1/map', nat)).status).toBe(200)
    for (let i = 0; i < 20; i++) await guess('192.0.2.11')
    // There may be room for one more by then.
    await vi.waitFor(async () => expect((await guess('192.0.2.11')).status).toBe(429), 20_000)
    for (const path of ['/v1/map', '/v1/bootstrap'])
      expect((await mesh.ask(signer, 'GET', path, nat)).status).toBe(200)

    const posing = await jwkSigner(signer.kid, (await testKey()).privateJwk)
    expect((await mesh.ask(posing, 'GET', '/v1/map', nat)).status).toBe(401)
  })

  /** What a watch handshake is answered: `101`, or the status of a refusal. */
  const handshake = async (who: Signer, address: string): Promise<number> => {
    const url = new URL('/v1/watch', mesh.plane.url)
    const authorization = await mesh.authorization(who, 'GET', url)
    const { headers } = from(address)
    const request = httpRequest(url, {
      headers: {
        ...headers,
        authorization,
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      },
    }).end()
    return new Promise((resolve, reject) => {
      request.on('response', response => resolve(response.resume().statusCode ?? 0))
      request.on('upgrade', (_, socket) => {
        socket.destroy()
        resolve(101)
      })
      request.on('error', reject)
    })
  }

  test('holds for watch handshakes of strangers, never for those of relays', async () => {
    const relay = await mesh.join({ roles: ['relay'] })
    expect(await handshake(relay.signer, '192.0.2.12')).toBe(101)
    const statuses = new Set<number>()
    for (let i = 0; i < 20; i++) statuses.add(await handshake((await testKey()).signer, '192.0.2.12'))
    expect([...statuses]).toEqual([401, 429])
    expect(await handshake(relay.signer, '192.0.2.12')).toBe(101)
  })

  test('holds for the bootstrap without a signature, and for any other unsigned request', async () => {
    const asked = async (path: string, address: string) =>
      (await mesh.ask(undefined, 'GET', path, from(address))).status
    for (const [path, address, first] of [
      ['/v1/bootstrap', '192.0.2.13', 200],
      ['/v1/map', '192.0.2.14', 401],
    ] as const) {
      const statuses: number[] = []
      for (let i = 0; i < 20; i++)
        statuses.push(...(await Promise.all(Array.from({ length: 40 }, () => asked(path, address)))))
      expect(new Set(statuses)).toEqual(new Set([first, 429]))
      expect(statuses.filter(status => status === first).length).toBeGreaterThanOrEqual(600)
    }
    expect(await asked('/v1/bootstrap', '192.0.2.15')).toBe(200)
  })

  test('lets an unknown address have 64 requests served at once, and one that members come from more', async () => {
    const { signer } = await mesh.join()
    const url = new URL('/v1/enrol', mesh.plane.url)
    const newcomer = (await testKey()).signer
    const authorization = await mesh.authorization(newcomer, 'POST', url)
    /** Requests whose bodies never end. */
    const open = (address: string, count: number): ClientRequest[] =>
      Array.from({ length: count }, () => {
        const request = httpRequest(url, {
          method: 'POST',
          headers: { ...from(address).headers, authorization, 'content-length': '100' },
        })
        request.on('error', () => {}).write('{')
        return request
      })
    const unknown = open('192.0.2.16', 64)
    const asked = async (address: string) =>
      (await mesh.ask(undefined, 'GET', '/v1/bootstrap', from(address))).status
    await expect.poll(() => asked('192.0.2.16')).toBe(429)
    expect(await asked('192.0.2.17')).toBe(200)

    expect((await mesh.ask(signer, 'GET', '/v1/map', from('192.0.2.18'))).status).toBe(200)
    const known = open('192.0.2.18', 80)
    expect((await mesh.ask(signer, 'GET', '/v1/map', from('192.0.2.18'))).status).toBe(200)
    for (const request of [...unknown, ...known]) request.destroy()
    await expect.poll(() => asked('192.0.2.16')).toBe(200)
  })
})

describe('the limit of a member', () => {
  let mesh: TestPlane
  beforeAll(async () => {
    mesh = await startTestPlane()
  })
  afterAll(() => mesh.stop())

  const entries = async () => (await mesh.ask(mesh.admin, 'GET', '/v1/audit?last=1')).body.head.seq as number
  /** How often the map has changed, and where it ends. */
  const mapEnd = async (): Promise<{ changes: number; next: string }> => {
    const { next } = (await mesh.ask(mesh.admin, 'GET', '/v1/map')).body
    return { changes: parseMapCursor(next).v.reduce((sum, changes) => sum + changes, 0), next }
  }

  test('refuses writes and health over it, says when to come back, and then hears them', async () => {
    const { signer } = await mesh.join()
    const other = await mesh.join()
    const health = (who = signer) => mesh.ask(who, 'GET', '/v1/health')
    const statuses: number[] = []
    for (let i = 0; i < 200; i++) statuses.push((await health()).status)
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
    // Two a second are answered all the same: one of them may be the next.
    const refused = await vi.waitFor(async () => {
      const answer = await mesh.ask(signer, 'POST', '/v1/renew', { body: {} })
      expect(answer).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
      return answer
    }, 20_000)
    const { retryAfterMs } = refused.body.details as { retryAfterMs: number }
    expect(retryAfterMs).toBeGreaterThan(0)
    expect((await health(other.signer)).status).toBe(200)
    // Reads count in another bucket.
    expect((await mesh.ask(signer, 'GET', '/v1/policy')).status).toBe(200)
    mesh.clock.advance(retryAfterMs)
    expect((await health()).status).toBe(200)
  })

  test('is not spent by who only says that he is that member', async () => {
    const { signer } = await mesh.join()
    const posing = await jwkSigner(signer.kid, (await testKey()).privateJwk)
    for (let i = 0; i < 200; i++) await mesh.ask(posing, 'POST', '/v1/renew', { body: {} })
    expect((await mesh.ask(signer, 'POST', '/v1/renew', { body: {} })).status).toBe(200)
  })

  test('holds for a revoked member, too', async () => {
    const { signer, peerId } = await mesh.join()
    await mesh.ask(mesh.admin, 'POST', '/v1/revocations', { body: { peerId } })
    const statuses = new Set<number>()
    for (let i = 0; i < 200; i++) statuses.add((await mesh.ask(signer, 'GET', '/v1/health')).status)
    expect([...statuses]).toEqual([403, 429])
  })

  test('keeps a record to its pace: the newest one is refused with the time to try again, and then taken', async () => {
    const { publish } = await mesh.join()
    const began = performance.now()
    const answers = [await publish()]
    while (answers.at(-1)?.status === 200 && answers.length < 100) answers.push(await publish())
    // On a busy machine there may be room for another one by then.
    const more = Math.ceil((performance.now() - began) / limits.recordEveryMs)
    expect(answers.length).toBeGreaterThan(limits.recordsAtOnce)
    expect(answers.length).toBeLessThanOrEqual(limits.recordsAtOnce + more + 1)
    const last = answers.at(-1)?.body as { code: string; details: { retryAfterMs: number } }
    expect(last).toMatchObject({ code: 'rate_limited' })
    mesh.clock.advance(last.details.retryAfterMs)
    expect((await publish()).status).toBe(200)
  })

  test('lets an agent that loops over every route cost the others nothing', async () => {
    const broken = await mesh.join()
    const other = await mesh.join()
    const { signer } = other
    const began = performance.now()
    const { changes: changesBefore, next: since } = await mapEnd()
    const before = await entries()
    const timed = async () => {
      const start = performance.now()
      expect((await mesh.ask(signer, 'GET', `/v1/map?since=${since}`)).status).toBe(200)
      return performance.now() - start
    }
    /** The median of some. */
    const latency = async () => {
      const times = []
      for (let i = 0; i < 11; i++) times.push(await timed())
      return times.sort((a, b) => a - b)[5] ?? Infinity
    }
    const ended = new AbortController()
    const statuses = new Map<number, number>()
    const loop = async () => {
      while (!ended.signal.aborted)
        for (const { method, path, request } of apiRoutes) {
          const record = async () => ({ record: await broken.record() })
          const body = path === '/v1/members/self' ? await record() : request === undefined ? undefined : {}
          const url = path.replace(/\{\w+\}/, broken.peerId)
          const { status } = await mesh.ask(broken.signer, method, url, body === undefined ? {} : { body })
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
          if (path === '/v1/members/self' && method === 'DELETE') break
        }
    }
    const loops = Array.from({ length: 4 }, loop)
    try {
      await expect.poll(() => statuses.get(429) ?? 0, { timeout: 90_000 }).toBeGreaterThan(200)
      expect(await quickest(1_000, latency)).toBeLessThan(1_000)
    } finally {
      ended.abort()
      await Promise.all(loops)
    }
    expect(statuses.get(500)).toBeUndefined()
    // Every change of the map is sent to all; a denial is in the audit once.
    const changes = (await mapEnd()).changes - changesBefore
    expect(changes).toBeGreaterThan(0)
    const more = Math.ceil((performance.now() - began) / limits.recordEveryMs)
    expect(changes).toBeLessThanOrEqual(limits.recordsAtOnce + more + 2)
    expect((await entries()) - before).toBeLessThan(50)
  })
})

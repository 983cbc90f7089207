import { jwkSigner } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testKey } from '../support/mesh-fixture.ts'
import { secretOf, startTestPlane, type TestPlane } from './control-plane-fixture.ts'

describe('the limit of a source', () => {
  let mesh: TestPlane
  beforeAll(async () => {
    mesh = await startTestPlane({ trustProxy: true })
  })
  afterAll(() => mesh.stop())

  /** Behind the proxy; what comes before the last address was written by whoever sent it. */
  const from = (address: string) => ({ headers: { 'x-forwarded-for': `203.0.113.99, ${address}` } })
  const guess = async (address: string) =>
    mesh.ask((await testKey()).signer, 'POST', '/v1/enrol', {
      body: { secret: 'g'.repeat(42) + 'A' },
      ...from(address),
    })

  test('turns away who guesses tokens, with the time to come back, and nobody else', async () => {
    const { token } = await mesh.plane.createToken({ uses: 100 })
    const statuses: number[] = []
    for (let i = 0; i < 20; i++) statuses.push((await guess('192.0.2.7')).status)
    expect(statuses.filter(status => status === 403).length).toBeGreaterThanOrEqual(15)
    expect(statuses.at(-1)).toBe(429)
    const refused = await guess('192.0.2.7')
    expect(refused.body).toMatchObject({ code: 'rate_limited' })
    expect(refused.body.details.retryAfterMs).toBeGreaterThan(0)

    const joins = Array.from({ length: 100 }, async () =>
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
    expect((await guess('192.0.2.11')).status).toBe(429)
    for (const path of ['/v1/map', '/v1/bootstrap'])
      expect((await mesh.ask(signer, 'GET', path, nat)).status).toBe(200)

    const posing = await jwkSigner(signer.kid, (await testKey()).privateJwk)
    expect((await mesh.ask(posing, 'GET', '/v1/map', nat)).status).toBe(401)
  })
})

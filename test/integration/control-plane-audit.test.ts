import { controlPlaneClient } from '@agent-mesh/agent'
import { auditRoot, verifyAuditChain, type AuditEntry } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'

describe('the audit of the control plane', () => {
  let test: TestPlane
  let agent: PlaneMember
  beforeAll(async () => {
    test = await startTestPlane()
    agent = await test.join({ as: 'web-1' })
  })
  afterAll(() => test.stop())

  const client = () =>
    controlPlaneClient({ url: test.plane.url, meshId: test.plane.meshId, signer: test.admin, clock: clock() })
  const clock = () => ({ now: test.clock.now, monotonic: () => performance.now() })
  const readAll = async (limit: number): Promise<AuditEntry[]> => {
    const entries: AuditEntry[] = []
    for (let cursor: string | undefined = '0'; cursor !== undefined;) {
      const page = await client().audit({ cursor, limit })
      entries.push(...page.entries)
      cursor = page.next
    }
    return entries
  }

  it('tells who joined and who was denied, as a chain that verifies over its pages', async () => {
    expect(await test.ask(agent.signer, 'GET', '/v1/tokens')).toMatchObject({ status: 403 })
    const { head } = await client().audit({ last: 1 })
    const entries = await readAll(2)
    expect(verifyAuditChain(entries, { known: head })).toBeUndefined()
    expect(entries.map(({ what }) => what)).toEqual(expect.arrayContaining(['join', 'denied']))
    const joined = entries.find(({ who, what }) => who === agent.peerId && what === 'join')
    expect(joined?.detail).toMatchObject({ name: 'web-1', roles: ['agent'], serial: agent.claims.serial })
    expect(entries.at(-1)).toMatchObject({
      who: agent.peerId,
      what: 'denied',
      detail: { action: 'manage', target: 'admin:tokens' },
    })
  })

  it('writes a flood of the same denial once a minute', async () => {
    const denials = async () => (await readAll(100)).filter(({ what }) => what === 'denied').length
    const before = await denials()
    for (let i = 0; i < 5; i++) await test.ask(agent.signer, 'GET', '/v1/tokens')
    expect(await denials()).toBe(before)
    test.clock.advance(60_000)
    for (let i = 0; i < 5; i++) await test.ask(agent.signer, 'GET', '/v1/tokens')
    expect(await denials()).toBe(before + 1)
  })

  it('is told to admins alone', async () => {
    expect(await test.ask(agent.signer, 'GET', '/v1/audit')).toMatchObject({ status: 403 })
    expect(await test.ask(undefined, 'GET', '/v1/audit')).toMatchObject({ status: 401 })
  })

  it('is read from a time on, the last few, or after a number; not from two places', async () => {
    // By then the credential is old enough for a new one.
    test.clock.advance(24 * 3_600_000)
    const since = test.clock.now()
    await test.ask(agent.signer, 'POST', '/v1/renew', { body: {} })
    const fresh = await client().audit({ since })
    expect(fresh.entries.map(({ what }) => what)).toEqual(['renew'])
    expect((await client().audit({ last: 1 })).entries).toEqual(fresh.entries)
    expect((await client().audit({ since: since + 60_000 })).entries).toEqual([])
    expect((await client().audit({ since: 0, limit: 1 })).entries[0]?.prev).toBe(auditRoot.hash)
    expect((await client().audit({ last: 1_000_000, limit: 1 })).entries[0]?.seq).toBe(1)
    for (const query of ['cursor=1&since=2', 'cursor=x', 'since=-1', 'last=1.5', 'limit=0', 'limit=9999'])
      expect(await test.ask(test.admin, 'GET', `/v1/audit?${query}`)).toMatchObject({ status: 400 })
  })

  it('tells all that a token gives, and no number of uses where there is no limit', async () => {
    const create = async (body: object) => {
      const { body: made } = await test.ask(test.admin, 'POST', '/v1/tokens', { body })
      const { body: audit } = await test.ask(test.admin, 'GET', '/v1/audit?last=20')
      type Entry = { what: string; detail: { id: string } }
      const { detail } = (audit.entries as Entry[]).findLast(({ what }) => what === 'token.create') ?? {}
      expect(detail?.id).toBe(made.view.id)
      return detail
    }
    const named = { name: 'edge-7', replace: true, region: 'eu-1', tags: ['gpu'], roles: ['agent'] }
    expect(await create(named)).toEqual({ id: expect.any(String) as string, uses: 1, ...named })
    expect(await create({ ephemeral: true })).toEqual({
      id: expect.any(String) as string,
      roles: ['agent'],
      ephemeral: true,
    })
  })
})

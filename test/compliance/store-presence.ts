import type { LeaseReport } from '@agent-mesh/lambdas'
import { describe, expect, test } from 'vitest'
import { useStore, type StoreContext } from './store-context.ts'
import { enrol, recordOf, type StoreSetup } from './store-fixture.ts'

const report = (relay: string, seq: number, changes: Partial<LeaseReport> = {}): LeaseReport => ({
  relay,
  epoch: 'e1',
  seq,
  up: [],
  down: [],
  status: '{}',
  ...changes,
})

/** Two relays and an agent, all in the map. */
const fleet = async ({ store, clock }: StoreContext): Promise<void> => {
  for (const relay of ['r1', 'r2'])
    await store.directory.putMember(recordOf(await enrol(store, clock, relay, { roles: ['relay'] }), 1))
  await store.directory.putMember(recordOf(await enrol(store, clock, 'a'), 1))
}

/** Leases and homes. */
export function presenceSuite(common: StoreSetup): void {
  describe('presence', () => {
    const context = useStore(common)
    const homeOf = async (peerId: string) => {
      const [member] = await context.any().directory.readMembers([peerId])
      return member?.online === true ? (member.home ?? 'itself') : 'offline'
    }
    const up = (homeSeq: number, peerId = 'a') => [{ peerId, homeSeq }]

    test('an agent is online while the lease of its relay lives', async () => {
      await fleet(context)
      expect(await homeOf('a')).toBe('offline')
      const lease = await context
        .any()
        .presence.applyReport(report('r1', 1, { up: up(1), status: '{"agents":1}' }))
      expect(lease).toMatchObject({
        relay: 'r1',
        epoch: 'e1',
        seq: 1,
        expiresAt: context.clock.now() + 300_000,
      })
      expect(await homeOf('a')).toBe('r1')
      expect(await homeOf('r1')).toBe('itself')
      expect(await homeOf('r2')).toBe('offline')
      expect(await context.store.presence.readLeases()).toEqual([lease])

      context.clock.advance(299_999)
      expect(await homeOf('a')).toBe('r1')
      context.clock.advance(1)
      expect(await homeOf('a')).toBe('offline')
      expect(await context.store.presence.readLeases()).toEqual([])
      await context.store.presence.applyReport(report('r1', 2))
      expect(await homeOf('a')).toBe('r1')
    })

    test('a repeated report is acknowledged and not applied again', async () => {
      await fleet(context)
      await context.any().presence.applyReport(report('r1', 1, { up: up(1) }))
      await context.any().presence.applyReport(report('r1', 2, { down: ['a'] }))
      expect(await context.any().presence.applyReport(report('r1', 2, { up: up(9) }))).toMatchObject({
        seq: 2,
      })
      expect(await homeOf('a')).toBe('offline')
    })

    test('a stale, skipping or foreign report is a conflict that names the stored place', async () => {
      await fleet(context)
      await context.store.presence.applyReport(report('r1', 1))
      await context.store.presence.applyReport(report('r1', 2))
      const conflict = { code: 'conflict', details: { epoch: 'e1', seq: 2 } }
      const strays = [report('r1', 1), report('r1', 4), report('r1', 3, { epoch: 'e0' })]
      for (const stray of strays)
        await expect(context.any().presence.applyReport({ ...stray, up: up(1) })).rejects.toMatchObject(
          conflict,
        )
      expect(await homeOf('a')).toBe('offline')
    })

    test('a new epoch ends what the old one held until it is claimed again', async () => {
      await fleet(context)
      await context.store.presence.applyReport(report('r1', 1, { up: up(5) }))
      await context.any().presence.applyReport(report('r1', 1, { epoch: 'e2' }))
      expect(await homeOf('a')).toBe('offline')
      await context.any().presence.applyReport(report('r1', 2, { epoch: 'e2', up: up(5) }))
      expect(await homeOf('a')).toBe('r1')
    })

    test('the highest homeSeq wins, whichever relay speaks last', async () => {
      await fleet(context)
      await context.store.presence.applyReport(report('r1', 1, { up: up(1) }))
      await context.any().presence.applyReport(report('r2', 1, { up: up(2) }))
      expect(await homeOf('a')).toBe('r2')
      await context.any().presence.applyReport(report('r1', 2, { up: up(1) }))
      await context.any().presence.applyReport(report('r1', 3, { up: up(2) }))
      expect(await homeOf('a')).toBe('r2')
      await context.any().presence.applyReport(report('r1', 4, { down: ['a'] }))
      expect(await homeOf('a')).toBe('r2')
      await context.any().presence.applyReport(report('r2', 2, { down: ['a'] }))
      expect(await homeOf('a')).toBe('offline')
    })

    test('strangers and revoked members are never online', async () => {
      await fleet(context)
      await context.store.presence.applyReport(report('r1', 1, { up: [...up(1), ...up(1, 'stranger')] }))
      await context.store.enrolments.revokeMember('a')
      expect(await homeOf('a')).toBe('offline')
      expect(await homeOf('stranger')).toBe('offline')
    })

    test('an agent that reports before its first record is online once that is there', async () => {
      const enrolment = await enrol(context.store, context.clock, 'late')
      await context.store.presence.applyReport(report('r1', 1, { up: up(1, 'late') }))
      await context.store.directory.putMember(recordOf(enrolment, 1))
      expect(await homeOf('late')).toBe('r1')
    })
  })
}

import { meshHealth, relayReports } from '@agent-mesh/lambdas'
import type { ReportedCheck } from '@agent-mesh/protocol'
import { describe, expect, test } from 'vitest'
import { useStore } from './store-context.ts'
import { day, enrol, hour, recordOf, type StoreSetup } from './store-fixture.ts'

/** Roll-ups of health, and what they are made of. */
export function healthSuite(common: StoreSetup): void {
  describe('health', () => {
    const context = useStore(common)
    const step = 300_000

    test('roll-ups come back in order of time and region, the last of a step wins', async () => {
      const { store, clock } = context
      const at = clock.now()
      await context.any().health.writeHealth([
        { at, region: 'us', document: '1' },
        { at, region: 'eu', document: '2' },
      ])
      await context.any().health.writeHealth([{ at: at + step, region: 'eu', document: '3' }])
      await context.any().health.writeHealth([{ at, region: 'us', document: '4' }])
      expect((await store.health.listHealth(at)).map(({ document }) => document)).toEqual(['2', '4', '3'])
      expect(await store.health.listHealth(at + 1)).toEqual([{ at: at + step, region: 'eu', document: '3' }])
    })

    test('roll-ups are kept for a day, over midnight, collected or not', async () => {
      const { store, clock } = context
      clock.advance(day - hour)
      const at = clock.now()
      await store.health.writeHealth([{ at, region: 'eu', document: 'old' }])
      clock.advance(2 * hour)
      await store.health.writeHealth([{ at: clock.now(), region: 'eu', document: 'new' }])
      const documents = async () => (await context.any().health.listHealth(0)).map(({ document }) => document)
      expect(await documents()).toEqual(['old', 'new'])
      clock.advance(day - 2 * hour)
      expect(await documents()).toEqual(['old', 'new'])
      clock.advance(1)
      expect(await documents()).toEqual(['new'])
      await store.collectGarbage()
      expect(await documents()).toEqual(['new'])
    })

    test('checks that do not pass are in the health of the mesh while the leases of their relays last', async () => {
      const { store, clock } = context
      const numbers = { keys: 1, relays: 1, policy: 1, revocations: 1 }
      const reports = relayReports(store.presence, { numbers: () => Promise.resolve(numbers) })
      const report = async (relay: string, seq: number, checks: ReportedCheck[]) => {
        const caller = { peerId: relay, name: relay, roles: ['relay'] } as Parameters<typeof reports.apply>[0]
        const load = { agents: 3, reservations: 3, visitors: 0 }
        const health = { ready: true, version: '0.1.0', checks }
        await reports.apply(caller, { epoch: 'epoch-01', seq, up: [], down: [], load, health })
      }
      for (const [relay, region] of [
        ['r1', 'eu'],
        ['r2', 'eu'],
        ['r3', 'us'],
      ] as const) {
        const enrolled = await enrol(store, clock, relay, { roles: ['relay'], region })
        await store.directory.putMember(recordOf(enrolled, 1, { services: [] }))
      }
      const of = async () => (await meshHealth({ store: context.any(), clock })()).checks
      await report('r1', 1, [['queue', 'failing', 2, ['ada', 'ben']]])
      await report('r2', 1, [
        ['queue', 'failing', 1, ['eve']],
        ['disk', 'warning', 3, ['eve', 'fay', 'gil']],
      ])
      await report('r3', 1, [['queue', 'failing', 1, ['una']]])
      const queue = { check: 'queue', level: 'failing' }
      expect(await of()).toEqual([
        { check: 'disk', level: 'warning', region: 'eu', members: 3, of: ['eve', 'fay', 'gil'] },
        { ...queue, region: 'eu', members: 3, of: ['ada', 'ben', 'eve'] },
        { ...queue, region: 'us', members: 1, of: ['una'] },
      ])
      await report('r1', 2, [])
      clock.advance(60_000)
      expect(await of()).toContainEqual({ ...queue, region: 'eu', members: 1, of: ['eve'] })
      clock.advance(300_000)
      expect(await of()).toEqual([])
    })

    test('a member is leased while its relay says so, and stale when the lease ends', async () => {
      const { store, clock } = context
      for (const peerId of ['r', 'a'])
        await store.directory.putMember(recordOf(await enrol(store, clock, peerId, { roles: ['agent'] }), 1))
      const seen = async () => {
        const [member] = await context.any().directory.readMembers(['a'])
        return { online: member?.online, leased: member?.leased }
      }
      expect(await seen()).toEqual({ online: false, leased: false })
      const report = { relay: 'r', epoch: 'e', status: '{}', down: [] }
      const { expiresAt } = await store.presence.applyReport({
        ...report,
        seq: 1,
        up: [{ peerId: 'a', homeSeq: 1 }],
      })
      expect(await seen()).toEqual({ online: true, leased: true })
      clock.advance(expiresAt - clock.now())
      expect(await seen()).toEqual({ online: false, leased: true })
      await store.presence.applyReport({ ...report, seq: 2, up: [], down: ['a'] })
      expect(await seen()).toEqual({ online: false, leased: false })
    })
  })
}

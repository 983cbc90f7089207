import { describe, expect, test } from 'vitest'
import { useStore } from './store-context.ts'
import { day, enrol, recordOf, type StoreSetup } from './store-fixture.ts'

/** The time of the store, and sweeps by a process whose clock may be wrong. */
export function timeSuite(common: StoreSetup): void {
  describe('the time of the store', () => {
    const context = useStore(common)

    test('is written where the expected one is stored, by one of many', async () => {
      expect(await context.any().ledger.readTimeMark()).toBeUndefined()
      const first = Array.from({ length: 10 }, (_, i) =>
        context.any().ledger.writeTimeMark(undefined, 100 + i),
      )
      expect((await Promise.all(first)).filter(Boolean)).toHaveLength(1)
      const stored = (await context.any().ledger.readTimeMark()) ?? 0
      expect(await context.any().ledger.writeTimeMark(stored - 1, 5)).toBe(false)
      expect(await context.any().ledger.writeTimeMark(undefined, 5)).toBe(false)
      expect(await context.any().ledger.writeTimeMark(stored, 5)).toBe(true)
      expect(await context.any().ledger.readTimeMark()).toBe(5)
    })

    test('in doubt, keeps all that can never be made again', async () => {
      const { store, clock } = context
      const lapsed = await enrol(store, clock, 'p', { requestedName: 'n' })
      await store.directory.putMember(recordOf(lapsed, 1))
      const left = await enrol(store, clock, 'left')
      await store.directory.putMember(recordOf(left, 1))
      await store.directory.removeMember('left', left.serial)
      const { v } = await store.directory.readHeads()
      clock.advance(365 * day)
      await context.any().collectGarbage({ keep: 'lapsed' })
      clock.advance(-365 * day)
      expect(await store.enrolments.readEnrolment('p')).toEqual(lapsed)
      expect(await store.enrolments.findEnrolment({ name: 'n' })).toMatchObject({ peerId: 'p' })
      expect(await store.directory.readMembers(['p'])).toMatchObject([{ peerId: 'p' }])
      expect((await store.directory.readHeads()).v).toEqual(v)
      await expect(store.directory.putMember(recordOf(left, 1))).rejects.toMatchObject({ code: 'conflict' })
    })
  })
}

import type { Enrolment } from '@agent-mesh/lambdas'
import { describe, expect, test } from 'vitest'
import { useStore } from './store-context.ts'
import { day, enrol, recordOf, type StoreSetup } from './store-fixture.ts'

const minute = 60_000

/** Members that are offline for too long. */
export function offlineSuite(common: StoreSetup): void {
  describe('removal of members that are offline', () => {
    const context = useStore(common)
    const join = async (peerId: string, options: Parameters<typeof enrol>[3] = {}): Promise<Enrolment> => {
      const enrolment = await enrol(context.store, context.clock, peerId, options)
      await context.store.directory.putMember(recordOf(enrolment, 1))
      return enrolment
    }
    const removed = async () =>
      (await context.any().directory.removeOffline()).map(({ peerId }) => peerId).sort()
    const report = (seq: number, up: string[], down: string[] = []) =>
      context.any().presence.applyReport({
        relay: 'r',
        epoch: 'e1',
        seq,
        up: up.map(peerId => ({ peerId, homeSeq: seq })),
        down,
        status: '{}',
      })

    test('takes ephemeral ones after 10 minutes, and those a relay sees never', async () => {
      const { clock } = context
      await join('r', { roles: ['relay'] })
      for (const peerId of ['gone', 'seen', 'left']) await join(peerId, { ephemeral: true })
      await join('usual')
      await report(1, ['seen', 'left'])
      expect(await removed()).toEqual([])
      clock.advance(4 * minute)
      await report(2, [], ['left'])
      clock.advance(4 * minute)
      await report(3, [])
      clock.advance(2 * minute)
      expect(await removed()).toEqual(['gone'])
      clock.advance(2 * minute)
      await report(4, [])
      clock.advance(2 * minute)
      expect(await removed()).toEqual(['left'])
      // The relay itself falls silent: its last report is the last sign of life of its agents.
      clock.advance(7 * minute)
      expect(await removed()).toEqual([])
      clock.advance(2 * minute)
      expect(await removed()).toEqual(['seen'])
      expect(await removed()).toEqual([])
    })

    test('takes the others after 30 days without a sign of life, as one change of the map', async () => {
      const { clock, store } = context
      const a = await join('a')
      const renewing = await join('renewing')
      clock.advance(20 * day)
      const expiresAt = clock.now() + 21 * day
      await store.enrolments.recordCredential({ ...renewing, credential: 'new', expiresAt })
      expect(await removed()).toEqual([])
      clock.advance(10 * day)
      const before = await store.enrolments.countMembers()
      expect(await removed()).toEqual(['a'])
      expect(await store.enrolments.countMembers()).toBe(before - 1)
      expect(await store.directory.readMembers(['a', 'renewing'])).toMatchObject([{ peerId: 'renewing' }])
      expect(await store.enrolments.readEnrolment('a')).toMatchObject({ serial: a.serial })
    })

    test('lets them come back by publishing, with a higher incarnation, and takes them again', async () => {
      const { clock, store } = context
      const enrolment = await join('a', { ephemeral: true })
      clock.advance(11 * minute)
      expect(await removed()).toEqual(['a'])
      await expect(store.directory.putMember(recordOf(enrolment, 1))).rejects.toMatchObject({
        code: 'conflict',
      })
      await store.directory.putMember(recordOf(enrolment, 2))
      expect(await store.enrolments.countMembers()).toBe(1)
      expect(await removed()).toEqual([])
      clock.advance(11 * minute)
      expect(await removed()).toEqual(['a'])
    })

    test('leaves revoked ones and those without a record alone', async () => {
      const { clock, store } = context
      await join('revoked', { ephemeral: true })
      await store.enrolments.revokeMember('revoked')
      const late = await enrol(store, clock, 'late', { ephemeral: true })
      clock.advance(day)
      expect(await removed()).toEqual([])
      await store.directory.putMember(recordOf(late, 1))
      clock.advance(11 * minute)
      expect(await removed()).toEqual(['late'])
    })

    test('is done once by many who try at a time', async () => {
      const { clock } = context
      const names = ['a', 'b', 'c', 'd']
      for (const name of names) await join(name, { ephemeral: true })
      clock.advance(11 * minute)
      const all = await Promise.all([removed(), removed(), removed()])
      expect(all.flat().sort()).toEqual(names)
    })
  })
}

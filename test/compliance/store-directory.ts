import { isTombstone, type Enrolment, type MapLogEntry, type MapEntry, type Store } from '@agent-mesh/lambdas'
import { limits, shardOf } from '@agent-mesh/protocol'
import { describe, expect, test } from 'vitest'
import { useStore } from './store-context.ts'
import { day, enrol, recordOf, type StoreSetup } from './store-fixture.ts'

/** Follows one shard the way a poller does; fails on a gap or on disorder by itself. */
async function follow(store: Store, shard: number, after: number, limit = 7): Promise<MapLogEntry[]> {
  const changes = await store.directory.readChanges(shard, { after, limit })
  changes.forEach((change, i) => expect(change.v).toBe(after + i + 1))
  return changes
}

/** Yields to the other tasks. */
const nextTurn = () => new Promise(resolve => setImmediate(resolve))

/** Pairs and services. */
export function directorySuite(common: StoreSetup): void {
  describe('the directory', () => {
    const context = useStore(common)

    test('numbers each change of a shard without gaps', async () => {
      const { store, clock } = context
      const enrolment = await enrol(store, clock, 'p')
      const shard = await shardOf('p')
      expect(await context.any().directory.putMember(recordOf(enrolment, 1))).toEqual({
        written: true,
        shard,
        v: 1,
      })
      expect(await context.any().directory.putMember(recordOf(enrolment, 2))).toEqual({
        written: true,
        shard,
        v: 2,
      })
      expect(await context.any().directory.removeMember('p', enrolment.serial)).toEqual({
        written: true,
        shard,
        v: 3,
      })
      expect((await store.directory.readHeads()).v[shard]).toBe(3)
      const at = clock.now()
      expect(await follow(store, shard, 0)).toEqual([
        { v: 1, peerId: 'p', at },
        { v: 2, peerId: 'p', at },
        { v: 3, peerId: 'p', at, gone: enrolment.serial },
      ])
      expect(await follow(store, shard, 3)).toEqual([])
    })

    test('writes nothing for the same bytes, and for a renewed credential no number', async () => {
      const { store, clock } = context
      const enrolment = await enrol(store, clock, 'p')
      await store.directory.putMember(recordOf(enrolment, 1))
      expect(await context.any().directory.putMember(recordOf(enrolment, 1))).toMatchObject({
        written: false,
        v: 1,
      })
      const { serial } = enrolment
      await store.enrolments.recordCredential({
        peerId: 'p',
        serial,
        credential: 'new',
        expiresAt: clock.now() + day,
      })
      expect(await store.directory.readMembers(['p'])).toMatchObject([{ credential: 'new', v: 1 }])
      expect((await store.directory.readHeads()).v.reduce((sum, v) => sum + v)).toBe(1)
    })

    test('lets a record change so many times at once, then once in 5 s, over all handles', async () => {
      const { clock } = context
      const enrolment = await enrol(context.store, clock, 'p')
      const { recordsAtOnce, recordEveryMs } = limits
      let incarnation = 0
      const change = () => context.any().directory.putMember(recordOf(enrolment, ++incarnation))
      for (let i = 0; i < recordsAtOnce; i++) expect(await change()).toMatchObject({ written: true })
      const refused = { code: 'rate_limited', details: { retryAfterMs: recordEveryMs } }
      for (let i = 0; i < 3; i++) await expect(change()).rejects.toMatchObject(refused)
      // The same bytes are no change, and do not delay others.
      const same = recordOf(enrolment, recordsAtOnce)
      expect(await context.any().directory.putMember(same)).toMatchObject({ written: false })
      const other = await enrol(context.store, clock, 'q')
      expect(await context.any().directory.putMember(recordOf(other, 1))).toMatchObject({ written: true })
      clock.advance(recordEveryMs)
      expect(await change()).toMatchObject({ written: true })
      await expect(change()).rejects.toMatchObject(refused)
      expect(await context.store.directory.readMembers(['p'])).toMatchObject([
        { incarnation: incarnation - 1 },
      ])
    })

    test('holds nobody to what a clock wrote that was ahead', async () => {
      const { store, clock } = context
      const enrolment = await enrol(store, clock, 'p')
      clock.advance(30 * day)
      await store.directory.putMember(recordOf(enrolment, 1))
      clock.advance(-30 * day)
      expect(await store.directory.putMember(recordOf(enrolment, 2))).toMatchObject({ written: true })
    })

    test('answers a lower incarnation, or an equal one with other bytes, with the stored one', async () => {
      const { store, clock } = context
      const enrolment = await enrol(store, clock, 'p')
      await store.directory.putMember(recordOf(enrolment, 5))
      const conflict = { code: 'conflict', details: { incarnation: 5 } }
      await expect(store.directory.putMember(recordOf(enrolment, 4))).rejects.toMatchObject(conflict)
      await expect(store.directory.putMember(recordOf(enrolment, 5, { record: 'x' }))).rejects.toMatchObject(
        conflict,
      )
      await store.directory.removeMember('p', enrolment.serial)
      await expect(store.directory.putMember(recordOf(enrolment, 5))).rejects.toMatchObject(conflict)
      expect(await store.directory.putMember(recordOf(enrolment, 6))).toMatchObject({ written: true })
    })

    test('takes records of enrolled members only', async () => {
      const { store } = context
      const stranger = { peerId: 'q', serial: 's' } as Enrolment
      await expect(store.directory.putMember(recordOf(stranger, 1))).rejects.toMatchObject({
        code: 'not_found',
      })
      await expect(store.directory.removeMember('q', 's')).rejects.toMatchObject({ code: 'not_found' })
    })

    test('reads pairs in the order asked, with name, roles and credential of the enrolment', async () => {
      const { store, clock } = context
      const a = await enrol(store, clock, 'a', { region: 'eu', tags: ['t'] })
      const b = await enrol(store, clock, 'b')
      await store.directory.putMember(recordOf(a, 1))
      await store.directory.putMember(recordOf(b, 1, { region: 'us' }))
      const [first, second, ...rest] = await context.any().directory.readMembers(['b', 'nobody', 'a'])
      expect(rest).toEqual([])
      expect(first).toMatchObject({ peerId: 'b', region: 'us', online: false })
      expect(second).toMatchObject({
        peerId: 'a',
        name: 'a',
        roles: ['agent'],
        tags: ['t'],
        region: 'eu',
        incarnation: 1,
        services: ['math', 'math@1'],
        record: 'record-of-a-1',
        credential: 'credential-of-a',
      })
    })

    test('lists a shard in order of numbers, paged, with what is gone', async () => {
      const { store, clock } = context
      const peers = Array.from({ length: 40 }, (_, i) => `peer-${i}`)
      for (const peer of peers) await store.directory.putMember(recordOf(await enrol(store, clock, peer), 1))
      const gone = await store.enrolments.readEnrolment('peer-1')
      await store.directory.removeMember('peer-1', gone?.serial ?? '')
      const found: MapEntry[] = []
      for (let shard = 0; shard < 16; shard++)
        for (
          let after = 0, page: MapEntry[] = [];
          page.length === 2 || after === 0;
          after = page.at(-1)?.v ?? -1
        ) {
          page = await context.any().directory.listShard(shard, { after, limit: 2 })
          for (const entry of page)
            expect(entry.v).toBeGreaterThan(found.findLast(e => e.shard === shard)?.v ?? 0)
          found.push(...page)
        }
      expect(found.map(entry => entry.peerId).sort()).toEqual(peers.sort())
      expect(found.filter(isTombstone)).toMatchObject([{ peerId: 'peer-1', gone: gone?.serial }])
      clock.advance(22 * day + 1)
      await store.collectGarbage()
      const shard = await shardOf('peer-1')
      expect((await store.directory.listShard(shard, { after: 0, limit: 100 })).filter(isTombstone)).toEqual(
        [],
      )
    })

    test('finds providers by service, following the record', async () => {
      const { store, clock } = context
      const enrolment = await enrol(store, clock, 'p')
      const shard = await shardOf('p')
      const providers = (service: string) =>
        context.any().directory.listProviders(service, shard, { limit: 10 })
      await store.directory.putMember(recordOf(enrolment, 1))
      expect(await providers('math')).toEqual(['p'])
      expect(await store.directory.listProviders('math', shard, { after: 'p', limit: 10 })).toEqual([])
      await store.directory.putMember(recordOf(enrolment, 2, { services: ['text'] }))
      expect(await providers('math')).toEqual([])
      expect(await providers('text')).toEqual(['p'])
      await store.directory.removeMember('p', enrolment.serial)
      expect(await providers('text')).toEqual([])
    })

    test('a number that cannot be followed is a map_gap', async () => {
      const { store, clock } = context
      const enrolment = await enrol(store, clock, 'p')
      const shard = await shardOf('p')
      await store.directory.putMember(recordOf(enrolment, 1))
      const gap = { code: 'map_gap' }
      await expect(store.directory.readChanges(shard, { after: 2, limit: 10 })).rejects.toMatchObject(gap)
      clock.advance(7 * day)
      expect(await follow(store, shard, 0)).toHaveLength(1)
      clock.advance(1)
      await expect(store.directory.readChanges(shard, { after: 0, limit: 10 })).rejects.toMatchObject(gap)
      await store.collectGarbage()
      await expect(store.directory.readChanges(shard, { after: 0, limit: 10 })).rejects.toMatchObject(gap)
      expect(await follow(store, shard, 1)).toEqual([])
      await store.directory.putMember(recordOf(enrolment, 2))
      await expect(store.directory.readChanges(shard, { after: 0, limit: 10 })).rejects.toMatchObject(gap)
      expect(await follow(store, shard, 1)).toHaveLength(1)
    })

    test('a new epoch makes old cursors foreign, and changes nothing else', async () => {
      const { store, clock } = context
      await store.directory.putMember(recordOf(await enrol(store, clock, 'p'), 1))
      const before = await store.directory.readHeads()
      await context.any().directory.renewEpoch()
      const after = await context.any().directory.readHeads()
      expect(after.v).toEqual(before.v)
      expect(after.epoch).not.toBe(before.epoch)
      expect(after.epoch).toMatch(/^[\w-]{1,27}$/)
      expect(await store.directory.readMembers(['p'])).toHaveLength(1)
    })

    test('200 writers and one poller: the deltas add up, no number missed or out of order', async () => {
      const { store, clock } = context
      const enrolments = await Promise.all(
        Array.from({ length: 200 }, (_, i) => enrol(store, clock, `w-${i}`)),
      )
      const state = new Map<string, string>()
      const cursor = new Array<number>(16).fill(0)
      const poll = async (): Promise<number> => {
        let seen = 0
        for (const [shard, after] of cursor.entries()) {
          const changes = await follow(context.any(), shard, after)
          const members = await store.directory.readMembers(changes.map(change => change.peerId))
          const pairs = new Map(members.map(member => [member.peerId, member.record]))
          for (const { peerId, v } of changes) {
            cursor[shard] = v
            const record = pairs.get(peerId)
            if (record === undefined) state.delete(peerId)
            else state.set(peerId, record)
          }
          seen += changes.length
        }
        return seen
      }

      const write = async (enrolment: Enrolment, i: number): Promise<void> => {
        for (let incarnation = 1; incarnation <= 4; incarnation++) {
          await context.any().directory.putMember(recordOf(enrolment, incarnation))
          await nextTurn()
        }
        if (i % 5 === 0) await context.any().directory.removeMember(enrolment.peerId, enrolment.serial)
      }
      let writing = true
      const writers = Promise.all(enrolments.map(write)).finally(() => (writing = false))
      let seen = 0
      while (writing) {
        seen += await poll()
        await nextTurn()
      }
      await writers
      for (let more = await poll(); more > 0; more = await poll()) seen += more

      expect(seen).toBe(200 * 4 + 40)
      expect(cursor).toEqual((await store.directory.readHeads()).v)
      const expected = enrolments
        .filter((_, i) => i % 5 !== 0)
        .map(({ peerId }) => [peerId, `record-of-${peerId}-4`])
      expect([...state].sort()).toEqual(expected.sort())
    })
  })
}

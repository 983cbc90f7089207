import { admit, formatMapCursor, shardOf, type MapChange, type Peer } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestMesh, type TestMember } from '../../../test/support/mesh-fixture.ts'
import { systemClock, type Clock } from '../observe/clock.ts'
import { VirtualClock } from '../../../test/support/virtual-clock.ts'
import { createLogger } from '../observe/logger.ts'
import { headKeeper } from './head-keeper.ts'
import { openMemberStore, type MemberStore } from './member-store.ts'
import { openMeshMap, type MeshMap } from './mesh-map.ts'

const log = createLogger('test', 'silent')
const cursor = (v: number, epoch = 'one') => formatMapCursor({ epoch, v: new Array<number>(16).fill(v) })

let mesh: TestMesh
let store: MemberStore
let map: MeshMap

async function openMap(clock: Clock = systemClock): Promise<MeshMap> {
  const head = await headKeeper({ meshId: mesh.meshId, store, log })
  await head.accept(await mesh.head())
  return openMeshMap({ store, head, log, clock })
}

beforeEach(async () => {
  mesh = await TestMesh.create()
  store = openMemberStore(':memory:')
  map = await openMap()
})
afterEach(() => store.close())

const pair = async (
  member: TestMember,
  v: number,
  changes: Parameters<TestMember['record']>[0] = {},
): Promise<MapChange> => ({
  shard: await shardOf(member.peerId),
  v,
  peerId: member.peerId,
  record: await member.record(changes),
  credential: await member.credential(),
})

/** As hello admits it. */
async function met(member: TestMember, changes: Parameters<TestMember['record']>[0] = {}): Promise<Peer> {
  const hello = { versions: [1], credential: await member.credential(), record: await member.record(changes) }
  const revocations = { peerIds: new Set<string>(), serials: new Set<string>(), ended: new Map() }
  return admit(hello, member.peerId, { keys: mesh.keys, revocations }, mesh.now())
}

const page = (changes: MapChange[], v: number, more = false) => ({ changes, next: cursor(v), more })

describe('MeshMap', () => {
  test('finds a member by peer id, name and service', async () => {
    const member = await mesh.member({ name: 'edge-7' })
    await map.apply(page([await pair(member, 1)], 1))
    expect(map.find('edge-7')?.peerId).toBe(member.peerId)
    expect(map.find(member.peerId)?.name).toBe('edge-7')
    expect(map.providers('math').map(({ name }) => name)).toEqual(['edge-7'])
    expect(map.providers('math@2')).toHaveLength(1)
    expect(map.providers('math@3')).toEqual([])
    expect(map.providers('other')).toEqual([])
  })

  test('keeps what is more than a day ahead of its clock, and takes it when the clock was set', async () => {
    const [known, early] = [await mesh.member({ name: 'known' }), await mesh.member({ name: 'early' })]
    const clock = new VirtualClock()
    clock.advance(-Date.now())
    await map.apply(page([await pair(known, 1)], 1))
    const behind = await openMap(clock)
    expect(behind.members()).toEqual([])
    await behind.apply(page([await pair(early, 2)], 2))
    expect(behind.size).toBe(0)
    const changed: string[] = []
    behind.onChange(changes => changed.push(...changes.map(({ peerId }) => peerId)))
    clock.advance(-clock.now() + Date.now())
    await behind.clockSet()
    expect(
      behind
        .members()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['early', 'known'])
    expect(changed.sort()).toEqual([known.peerId, early.peerId].sort())
    expect((await openMap()).size).toBe(2)
  })

  test('believes a later record of this time more than one that a clock a year ahead signed', async () => {
    const member = await mesh.member({ name: 'edge-7' })
    const clock = new VirtualClock()
    const year = 365 * 24 * 3600_000
    clock.advance(year)
    map = await openMap(clock)
    await map.apply(page([await pair(member, 1, { incarnation: clock.now() })], 1))
    expect(map.size).toBe(1)
    clock.advance(-year)
    await map.apply(page([await pair(member, 2, { incarnation: clock.now(), services: ['math@3'] })], 2))
    expect(map.providers('math@3')).toHaveLength(1)
  })

  test('takes in a peer that was met, and keeps it on disk', async () => {
    const member = await mesh.member({ name: 'edge-7' })
    const changed: string[] = []
    map.onChange(changes => changed.push(...changes.map(({ peerId }) => peerId)))
    expect(await map.meet(await met(member))).toBe(true)
    expect(changed).toEqual([member.peerId])
    expect((await openMap()).find('edge-7')?.peerId).toBe(member.peerId)
    expect(await map.meet(await met(member))).toBe(false)
    expect(await map.meet(await met(member, { incarnation: mesh.now() + 1 }))).toBe(true)
    await map.apply(page([await pair(member, 1, { services: ['old@1'] })], 1))
    expect(map.providers('math')).toHaveLength(1)
  })

  test('tells of a record that it met before the control plane numbers it, and takes it for no conflict', async () => {
    const member = await mesh.member({ name: 'edge-7' })
    const [told, conflicts]: number[][] = [[], []]
    map.onChange(changes => told?.push(...changes.map(({ v }) => v)))
    map.onConflict(({ incarnation }) => conflicts?.push(incarnation))
    // Of two records the smaller hash would win: one of several would lose against the record before.
    for (let v = 1; v <= 8; v++) {
      const incarnation = mesh.now() + v
      await map.meet(await met(member, { incarnation }))
      await map.apply(page([await pair(member, v, { incarnation })], v))
    }
    expect(conflicts).toEqual([])
    expect(told?.filter(v => v > 0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('lets nobody in by meeting who was removed', async () => {
    const member = await mesh.member({ name: 'edge-7' })
    const gone = { shard: await shardOf(member.peerId), v: 1, peerId: member.peerId, gone: member.serial }
    await map.apply(page([gone], 1))
    expect(await map.meet(await met(member))).toBe(false)
    expect(map.size).toBe(0)
  })

  test('numbers a pair anew that a restored control plane knows an older record of', async () => {
    const member = await mesh.member({ name: 'edge-7' })
    const [older, newer] = [
      await pair(member, 1, { incarnation: 1 }),
      await pair(member, 9, { incarnation: 2 }),
    ]
    await map.apply(page([newer], 9))
    let restarts = 0
    map.onRestart(() => restarts++)
    map.restart()
    expect(restarts).toBe(1)
    await map.apply({ changes: [older], next: cursor(1, 'two'), more: false })
    expect(map.find('edge-7')?.record.incarnation).toBe(2)
    expect(store.changesAfter(older.shard, 0, 10)).toEqual([{ ...newer, v: 1 }])
  })

  test('of two records of one incarnation keeps the same one whichever comes first, and tells of both', async () => {
    const member = await mesh.member({ name: 'edge-7' })
    const one = await pair(member, 1, { incarnation: 5, services: ['math@2'] })
    const other = await pair(member, 2, { incarnation: 5, services: ['text@1'] })
    const conflicts: object[] = []
    map.onConflict(conflict => conflicts.push(conflict))
    await map.apply(page([one], 1))
    await map.apply(page([one, other], 2))
    const kept = map.get(member.peerId)?.record.services
    map.restart()
    await map.apply({ changes: [{ ...other, v: 1 }], next: cursor(1, 'two'), more: false })
    await map.apply({ changes: [{ ...one, v: 2 }], next: cursor(2, 'two'), more: false })
    expect(map.get(member.peerId)?.record.services).toEqual(kept)
    expect(conflicts.length).toBeGreaterThanOrEqual(2)
    expect(conflicts[0]).toMatchObject({ peerId: member.peerId, incarnation: 5 })
    expect(new Set(conflicts.map(conflict => JSON.stringify(conflict))).size).toBe(1)
    expect((await openMap()).get(member.peerId)?.record.services).toEqual(kept)
  })

  test('is there again after a restart, with its cursor', async () => {
    await map.apply(page([await pair(await mesh.member({ name: 'edge-7' }), 1)], 1))
    const again = await openMap()
    expect(again.find('edge-7')).toBeDefined()
    expect(again.cursor).toBe(cursor(1))
  })

  test('skips what another relay has told already', async () => {
    const member = await mesh.member()
    const told: number[] = []
    map.onChange(changes => told.push(changes.length))
    const change = await pair(member, 1)
    await Promise.all([map.apply(page([change], 1)), map.apply(page([change], 1))])
    expect(told).toEqual([1])
  })

  test('keeps the higher incarnation when an older record arrives late', async () => {
    const member = await mesh.member()
    const now = Date.now()
    await map.apply(page([await pair(member, 2, { incarnation: now, services: ['new@1'] })], 2))
    await map.apply(page([await pair(member, 3, { incarnation: now - 1, services: ['old@1'] })], 3))
    expect(map.get(member.peerId)?.record.services).toEqual(['new@1'])
  })

  test('leaves out pairs that do not verify, and takes the others of the page', async () => {
    const [honest, victim, stranger] = [
      await mesh.member(),
      await mesh.member(),
      await (await TestMesh.create()).member(),
    ]
    const forged = { ...(await pair(victim, 1)), credential: await honest.credential() }
    await map.apply(page([forged, await pair(stranger, 2), await pair(honest, 3)], 3))
    expect(map.members().map(({ peerId }) => peerId)).toEqual([honest.peerId])
  })

  test('removes a member by its enrolment only', async () => {
    const member = await mesh.member()
    const { shard } = await pair(member, 1)
    await map.apply(page([await pair(member, 1)], 1))
    await map.apply(page([{ shard, v: 2, peerId: member.peerId, gone: 'A'.repeat(22) }], 2))
    expect(map.size).toBe(1)
    await map.apply(page([{ shard, v: 3, peerId: member.peerId, gone: member.serial }], 3))
    expect(map.size).toBe(0)
    expect(map.providers('math')).toEqual([])
  })

  test('forgets, after a restart of the sync, who is not named again, and keeps them until then', async () => {
    const [stays, goes] = [await mesh.member({ name: 'stays' }), await mesh.member({ name: 'goes' })]
    await map.apply(page([await pair(stays, 1), await pair(goes, 2)], 2))
    map.restart()
    expect(map.cursor).toBeUndefined()
    const forgotten: string[] = []
    map.onForget(peerIds => forgotten.push(...peerIds))
    await map.apply({ changes: [await pair(stays, 1)], next: cursor(1, 'two'), more: true })
    expect(map.find('goes')).toBeDefined()
    expect(forgotten).toEqual([])
    await map.apply({ changes: [], next: cursor(1, 'two'), more: false })
    expect(forgotten).toEqual([goes.peerId])
    expect(map.members().map(({ name }) => name)).toEqual(['stays'])
    expect((await openMap()).size).toBe(1)
  })
})

import { formatMapCursor, MeshError, type MapPage, type MapReply } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { headKeeper, type HeadKeeper } from '../membership/head-keeper.ts'
import { openMemberStore, type MemberStore } from '../membership/member-store.ts'
import { openMeshMap, type MeshMap } from '../membership/mesh-map.ts'
import { systemClock } from '../observe/clock.ts'
import { createLogger } from '../observe/logger.ts'
import { MapPoll } from './map-poll.ts'

const log = createLogger('test', 'silent')
const cursor = (v: number, epoch = 'one') => formatMapCursor({ epoch, v: new Array<number>(16).fill(v) })
const numbers = { keys: 1, relays: 1, policy: 1, revocations: 1 }
const page = (v: number, more = false, epoch?: string): MapPage => ({
  changes: [],
  next: cursor(v, epoch),
  more,
})

let mesh: TestMesh
let store: MemberStore
let head: HeadKeeper
let map: MeshMap
let poll: MapPoll
/** Cursors the control plane was asked with, and its answers. */
let asked: (string | undefined)[]
let answer: (since: string | undefined) => MapPage
let live: boolean

beforeEach(async () => {
  mesh = await TestMesh.create()
  store = openMemberStore(':memory:')
  head = await headKeeper({ meshId: mesh.meshId, store, log })
  map = await openMeshMap({ store, head, log, clock: systemClock })
  asked = []
  answer = () => page(1)
  live = false
  const bootstrap = async () => ({
    meshId: mesh.meshId,
    head: await mesh.head(),
    serverTime: Date.now(),
    watchUrl: 'ws://127.0.0.1/v1/watch',
  })
  const read = async (since?: string): Promise<MapReply> => {
    asked.push(since)
    return { ...answer(since), numbers }
  }
  poll = new MapPoll({ client: { bootstrap, map: read }, head, map, log, live: () => live })
})
afterEach(async () => {
  await poll.stop()
  store.close()
})

describe('MapPoll', () => {
  test('reads the map although the head that comes with it is older than the known one', async () => {
    await head.accept(await mesh.head({ numbers: { relays: 7 } }))
    await poll.start()
    expect(map.cursor).toBe(cursor(1))
    expect(head.current.numbers.relays).toBe(7)
  })

  test('has read head and map when its start resolves, page by page', async () => {
    answer = since => (since === undefined ? page(1, true) : page(2))
    await poll.start()
    expect(asked).toEqual([undefined, cursor(1)])
    expect(map.cursor).toBe(cursor(2))
    expect(head.current.numbers.policy).toBe(1)
  })

  test('asks nobody while a relay keeps the map current', async () => {
    live = true
    await poll.start()
    expect(asked).toEqual([])
  })

  test('reads the map anew when its cursor is too old', async () => {
    await map.apply(page(9, false, 'before-restore'))
    answer = since => {
      if (since !== undefined) throw new MeshError('map_gap', 'Cannot read map: foreign cursor')
      return page(1)
    }
    await poll.start()
    expect(map.cursor).toBe(cursor(1))
  })

  test('resolves its start while the control plane is away, and asks again', async () => {
    let away = true
    answer = () => {
      if (away) throw new MeshError('unavailable', 'away')
      return page(1)
    }
    await poll.start()
    expect(map.cursor).toBeUndefined()
    away = false
    await vi.waitFor(() => expect(map.cursor).toBe(cursor(1)), 30_000)
  })

  test('asks nobody once it has stopped', async () => {
    await poll.start()
    await poll.stop()
    await poll.start()
    expect(asked).toHaveLength(1)
  })
})

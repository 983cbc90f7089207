/**
 * Pages of the map. A first read walks the shards by number; its cursors carry an epoch of their own (`EPOCH-all`), as
 * its numbers may be older than the log. After the last shard the log of changes is followed.
 */
import {
  formatMapCursor,
  limits,
  MapPageFiller,
  MeshError,
  parseMapCursor,
  shardCount,
  type MapChange,
  type MapCursor,
  type MapPage,
} from '@agent-mesh/protocol'
import { isTombstone, type MapEntry } from '../store/parts/directory.ts'
import type { StoreParts } from '../store/store.ts'

const firstRead = '-all'

export interface MapPages {
  /**
   * The page after a cursor, from the beginning without one.
   * @param mostBytes of its JSON
   * @throws MeshError invalid_argument, map_gap
   */
  page(since: string | undefined, mostBytes?: number): Promise<MapPage>
}

function changeOf(entry: MapEntry): MapChange {
  const { shard, v, peerId } = entry
  return isTombstone(entry)
    ? { shard, v, peerId, gone: entry.gone }
    : { shard, v, peerId, record: entry.record, credential: entry.credential }
}

type MapStore = Pick<StoreParts, 'directory'>

/** Moves `v[shard]` along; true when the shard is read up to `end`. */
type ReadShard = (page: MapPageFiller, v: number[], shard: number, end: number) => Promise<boolean>

const readAll =
  (store: MapStore): ReadShard =>
  async (page, v, shard, end) => {
    const limit = page.room
    const entries = await store.directory.listShard(shard, { after: v[shard] ?? 0, limit })
    for (const entry of entries) {
      if (!page.add(changeOf(entry))) return false
      v[shard] = entry.v
    }
    if (entries.length === limit) return false
    v[shard] = Math.max(v[shard] ?? 0, end)
    return true
  }

const readLog =
  (store: MapStore): ReadShard =>
  async (page, v, shard, end) => {
    const log = await store.directory.readChanges(shard, {
      after: v[shard] ?? 0,
      limit: Math.max(page.room, 1),
    })
    const members = await store.directory.readMembers([...new Set(log.map(change => change.peerId))])
    const pairs = new Map(members.map(member => [member.peerId, member]))
    for (const { v: number, peerId, gone } of log) {
      const pair = pairs.get(peerId)
      // A superseded change follows again under its later number.
      const tombstone = gone === undefined ? undefined : { shard, v: number, peerId, gone }
      const entry = pair === undefined ? tombstone : pair.v === number ? pair : undefined
      if (entry !== undefined && !page.add(changeOf(entry))) return false
      v[shard] = number
    }
    return (v[shard] ?? 0) >= end
  }

/** @throws MeshError map_gap when the cursor is of another epoch */
function startOf(since: string | undefined, epoch: string): { v: number[]; first: boolean } {
  if (since === undefined) return { v: new Array<number>(shardCount).fill(0), first: true }
  const cursor: MapCursor = parseMapCursor(since)
  if (cursor.epoch !== epoch && cursor.epoch !== epoch + firstRead)
    throw new MeshError(
      'map_gap',
      `Cannot read map: the cursor is of epoch ${cursor.epoch}, the map of ${epoch}`,
      {
        hint: 'Read the map anew, without a cursor.',
      },
    )
  return { v: [...cursor.v], first: cursor.epoch !== epoch }
}

/** Reads pages of the map from the store. */
export const mapPages = ({ store }: { store: MapStore }): MapPages => ({
  page: async (since, mostBytes = limits.mapBytes) => {
    const heads = await store.directory.readHeads()
    const { v, first } = startOf(since, heads.epoch)
    const read = first ? readAll(store) : readLog(store)
    const page = new MapPageFiller(mostBytes)
    let done = true
    for (let shard = 0; shard < shardCount && done; shard++) {
      const end = heads.v[shard] ?? 0
      if (v[shard] !== end) done = await read(page, v, shard, end)
    }
    const epoch = first && !done ? heads.epoch + firstRead : heads.epoch
    return { changes: page.changes, next: formatMapCursor({ epoch, v }), more: !done }
  },
})

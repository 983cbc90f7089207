/** Pages of the mirrored map, by cursor. The mirror keeps the last change of each member, so pages are compact. */
import {
  formatMapCursor,
  MapPageFiller,
  MeshError,
  parseMapCursor,
  shardCount,
  type MapChange,
  type MapCursor,
  type MapPage,
} from '@agent-mesh/protocol'
import type { MemberStore } from '@agent-mesh/agent'

const readCursor = (text: string): MapCursor | undefined => {
  try {
    return parseMapCursor(text)
  } catch (error) {
    if (error instanceof MeshError) return undefined
    throw error
  }
}

/**
 * The next page after `since`.
 * @param at the mirror's own cursor: a page never goes beyond it
 * @returns undefined when there is nothing new, `restart` when `since` is of another epoch
 */
export function mapPageAfter(
  store: Pick<MemberStore, 'changesAfter'>,
  at: string | undefined,
  since: string | undefined,
): MapPage | 'restart' | undefined {
  const mirror = at === undefined ? undefined : readCursor(at)
  if (mirror === undefined) return undefined
  const from = since === undefined ? undefined : readCursor(since)
  if (since !== undefined && from?.epoch !== mirror.epoch) return 'restart'
  const v = from === undefined ? new Array<number>(shardCount).fill(0) : [...from.v]
  const changes = fill(store, mirror, v)
  const next = formatMapCursor({ epoch: mirror.epoch, v })
  const more = mirror.v.some((end, shard) => (v[shard] ?? 0) < end)
  return next === since ? undefined : { changes, next, more }
}

/** Collects the changes of a page, moving `v` along. */
function fill(store: Pick<MemberStore, 'changesAfter'>, mirror: MapCursor, v: number[]): MapChange[] {
  const page = new MapPageFiller()
  for (const [shard, end] of mirror.v.entries()) {
    if ((v[shard] ?? 0) >= end) continue
    const { room } = page
    const rows = store.changesAfter(shard, v[shard] ?? 0, room)
    for (const change of rows) {
      if (!page.add(change)) return page.changes
      v[shard] = change.v
    }
    if (rows.length === room) return page.changes
    // The last numbers of a shard may belong to changes that were superseded or left out.
    v[shard] = end
  }
  return page.changes
}

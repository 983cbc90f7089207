import { mapLogRetentionMs } from '../../defaults.ts'
import type { MapLogEntry } from '../parts/directory.ts'
import { mapGap } from '../refusals.ts'
import type { DynamoInit } from './init.ts'
import { number, optional, text, type Item } from './item.ts'
import { takeUpTo } from './pages.ts'
import { keys, padded } from './table.ts'

const changeFromItem = (item: Item): MapLogEntry => ({
  v: number(item, 'v'),
  peerId: text(item, 'peerId'),
  ...optional<'gone', string>(item, 'gone'),
  at: number(item, 'at'),
})

/** The changes behind the numbers of the shards. */
export const mapLog = ({ db, clock }: DynamoInit) => ({
  async readChanges(
    shard: number,
    { after, limit }: { after: number; limit: number },
  ): Promise<MapLogEntry[]> {
    // The number first: changes written meanwhile are additional.
    const head = number((await db.get(keys.shard(shard))) ?? {}, 'v')
    if (after > head) throw mapGap(shard, after)
    if (after === head) return []
    const items = await takeUpTo(limit, db.query(keys.changes(shard), { after: padded(after), page: limit }))
    const changes = items.map(changeFromItem)
    const [first] = changes
    if (first?.v !== after + 1 || first.at + mapLogRetentionMs < clock.now()) throw mapGap(shard, after)
    return changes
  },
})

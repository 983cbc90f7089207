import { tombstoneMs } from '../../defaults.ts'
import type { MapEntry, Member } from '../model.ts'
import { text } from '../sql/columns.ts'
import { entryFromRow, isListed, membersInOrder, selectMembers } from '../sql/member-rows.ts'
import type { SqliteInit } from './init.ts'

const select = selectMembers('?1')

/** Reads of pairs on SQLite. */
export const members = ({ db, clock }: SqliteInit) => ({
  readMembers(peerIds: readonly string[]): Member[] {
    const rows = db.all(
      `${select} WHERE ${isListed} AND m.peer_id IN (SELECT value FROM json_each(?2))`,
      clock.now(),
      JSON.stringify(peerIds),
    )
    return membersInOrder(peerIds, rows)
  },

  listShard: (shard: number, page: { after: number; limit: number }): MapEntry[] =>
    db
      .all(
        `${select} WHERE (${isListed} OR (m.record IS NULL AND m.updated_at >= ?2))
         AND m.shard = ?3 AND m.v > ?4 ORDER BY m.v LIMIT ?5`,
        clock.now(),
        clock.now() - tombstoneMs,
        shard,
        page.after,
        page.limit,
      )
      .map(entryFromRow),

  listProviders: (service: string, shard: number, page: { after?: string; limit: number }): string[] =>
    db
      .all(
        'SELECT peer_id FROM services WHERE service = ? AND shard = ? AND peer_id > ? ORDER BY peer_id LIMIT ?',
        service,
        shard,
        page.after ?? '',
        page.limit,
      )
      .map(row => text(row, 'peer_id')),
})

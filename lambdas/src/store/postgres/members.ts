import { tombstoneMs } from '../../defaults.ts'
import type { MapEntry, Member } from '../model.ts'
import { text } from '../sql/columns.ts'
import { entryFromRow, isListed, membersInOrder, selectMembers } from '../sql/member-rows.ts'
import type { PostgresInit } from './init.ts'

const select = selectMembers('$1')

/** Reads of pairs on PostgreSQL. */
export const members = ({ db, clock }: PostgresInit) => ({
  async readMembers(peerIds: readonly string[]): Promise<Member[]> {
    const rows = await db.all(`${select} WHERE ${isListed} AND m.peer_id = ANY($2)`, clock.now(), peerIds)
    return membersInOrder(peerIds, rows)
  },

  listShard: async (shard: number, page: { after: number; limit: number }): Promise<MapEntry[]> => {
    const now = clock.now()
    const rows = await db.all(
      `${select} WHERE (${isListed} OR (m.record IS NULL AND m.updated_at >= $2))
       AND m.shard = $3 AND m.v > $4 ORDER BY m.v LIMIT $5`,
      now,
      now - tombstoneMs,
      shard,
      page.after,
      page.limit,
    )
    return rows.map(entryFromRow)
  },

  listProviders: async (
    service: string,
    shard: number,
    { after = '', limit }: { after?: string; limit: number },
  ): Promise<string[]> => {
    const rows = await db.all(
      'SELECT peer_id FROM services WHERE service = $1 AND shard = $2 AND peer_id > $3 ORDER BY peer_id LIMIT $4',
      service,
      shard,
      after,
      limit,
    )
    return rows.map(row => text(row, 'peer_id'))
  },
})

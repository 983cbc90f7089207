import { tombstoneMs } from '../../defaults.ts'
import type { MapEntry, Member } from '../parts/directory.ts'
import { text } from './columns.ts'
import { entryFromRow, isListed, membersInOrder, selectMembers } from './member-rows.ts'
import type { SqlInit } from './dialect.ts'
import { all, type Script } from './script.ts'

const select = selectMembers('$1')

/** Reads of pairs. */
export const members = ({ clock, dialect }: Pick<SqlInit, 'clock' | 'dialect'>) => ({
  reads: {
    *readMembers(peerIds: readonly string[]): Script<Member[]> {
      const wanted = dialect.isOneOf('m.peer_id', '$2')
      const rows = yield* all(`${select} WHERE ${isListed} AND ${wanted}`, clock.now(), peerIds)
      return membersInOrder(peerIds, rows)
    },

    *listShard(shard: number, { after, limit }: { after: number; limit: number }): Script<MapEntry[]> {
      const now = clock.now()
      const rows = yield* all(
        `${select} WHERE (${isListed} OR (m.record IS NULL AND m.updated_at >= $2))
         AND m.shard = $3 AND m.v > $4 ORDER BY m.v LIMIT $5`,
        now,
        now - tombstoneMs,
        shard,
        after,
        limit,
      )
      return rows.map(entryFromRow)
    },

    *listProviders(
      service: string,
      shard: number,
      { after = '', limit }: { after?: string; limit: number },
    ): Script<string[]> {
      const rows = yield* all(
        'SELECT peer_id FROM services WHERE service = $1 AND shard = $2 AND peer_id > $3 ORDER BY peer_id LIMIT $4',
        service,
        shard,
        after,
        limit,
      )
      return rows.map(row => text(row, 'peer_id'))
    },
  },
})

import type { Enrolment } from '../model.ts'
import type { Sql } from './database.ts'
import type { directory } from './directory.ts'

/** Forgets enrolments with all that hangs on them: pair, home and name. In the caller's transaction. */
export const enrolmentEnder =
  (map: ReturnType<typeof directory>) =>
  async (tx: Sql, ended: readonly (Pick<Enrolment, 'peerId'> & { shard: number })[]): Promise<void> => {
    for (const place of ended) await map.removeIfPresent(tx, place)
    const peerIds = ended.map(({ peerId }) => peerId)
    for (const table of ['names', 'homes', 'enrolments'])
      await tx.run(`DELETE FROM ${table} WHERE peer_id = ANY($1)`, peerIds)
  }

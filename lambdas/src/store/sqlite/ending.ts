import type { Enrolment } from '../model.ts'
import type { directory } from './directory.ts'
import type { SqliteInit } from './init.ts'

/** Forgets an enrolment with all that hangs on it: pair, home and name. The caller holds the transaction. */
export const enrolmentEnder =
  ({ db, directory: map }: Pick<SqliteInit, 'db'> & { directory: ReturnType<typeof directory> }) =>
  (ended: Pick<Enrolment, 'peerId'> & { shard: number }): void => {
    map.removeIfPresent(ended)
    for (const table of ['names', 'homes', 'enrolments'])
      db.run(`DELETE FROM ${table} WHERE peer_id = ?`, ended.peerId)
  }

import { maxMembers as defaultMaxMembers } from '../../defaults.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { ScriptRunner } from '../sql/script-runner.ts'
import { sqlStore } from '../sql/sql-store.ts'
import type { Store } from '../store.ts'
import { Database } from './database.ts'
import { sqliteDialect } from './dialect.ts'
import { dumpOf } from './dump.ts'

export interface SqliteStoreOptions {
  /** Database file; made when missing. */
  file: string
  clock?: Clock
  /** @default 5000 */
  maxMembers?: number
}

const runnerOf = (db: Database): ScriptRunner => ({
  read: async script => db.perform(script),
  write: async script => db.transaction(() => db.perform(script())),
  relaxed: async script => db.relaxed(() => db.perform(script())),
})

/**
 * The store on one SQLite file; several processes may share it.
 * @throws MeshError invalid_argument when the file is no database, unsupported when a newer build wrote it
 */
export function openSqliteStore({
  file,
  clock = systemClock,
  maxMembers = defaultMaxMembers,
}: SqliteStoreOptions): Store {
  const db = new Database(file)
  return {
    ...sqlStore(runnerOf(db), { clock, maxMembers, dialect: sqliteDialect }),
    // A file has no notifications.
    listen: () => () => {},
    ping: async () => db.ping(),
    dump: () => dumpOf(file),
    close: async () => db.close(),
  }
}

import { maxMembers as defaultMaxMembers } from '../../defaults.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { ScriptRunner } from '../sql/script-runner.ts'
import { sqlStore } from '../sql/sql-store.ts'
import type { Store } from '../store.ts'
import { Database, perform } from './database.ts'
import { postgresDialect } from './dialect.ts'
import { dumpOf } from './dump.ts'
import { migrate } from './migrate.ts'

export interface PostgresStoreOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; kept out of logs and errors. */
  url: string
  clock?: Clock
  /** @default 5000 */
  maxMembers?: number
}

function runnerOf(db: Database): ScriptRunner {
  const write: ScriptRunner['write'] = script => db.transaction(tx => perform(tx, script()))
  return { read: script => db.read(script), write, relaxed: write }
}

/**
 * The store in a PostgreSQL database, version 13 or later; any number of processes may share it. Brings the schema
 * up to date.
 * @throws MeshError unavailable when the database does not answer, unsupported when a newer build wrote it
 */
export async function openPostgresStore({
  url,
  clock = systemClock,
  maxMembers = defaultMaxMembers,
}: PostgresStoreOptions): Promise<Store> {
  const db = new Database(url)
  try {
    await migrate(db)
  } catch (error) {
    await db.close()
    throw error
  }
  const dialect = postgresDialect(() => db.notifications.announce())
  return {
    ...sqlStore(runnerOf(db), { clock, maxMembers, dialect }),
    listen: listener => db.notifications.listen(listener),
    onConnection: listener => db.notifications.onConnection(listener),
    ping: () => db.ping(),
    dump: () => dumpOf(db),
    close: () => db.close(),
  }
}

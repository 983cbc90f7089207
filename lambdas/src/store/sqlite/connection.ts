/** The one file that knows node:sqlite: opening a file, and tuning it. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { MeshError } from '@agent-mesh/protocol/errors'
import { diskFull } from '../refusals.ts'
import { isNoRoom } from './room.ts'

export type Connection = DatabaseSync
export type Prepared = StatementSync
export type Bindable = SQLInputValue

/**
 * Write-ahead log: readers never wait. `synchronous = FULL` costs 0.5 ms a write and is needed: after a power cut no
 * map number and no token use that a member saw may be used again. A second process waits up to 5 s for a lock.
 */
export const tuning = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;
  PRAGMA cache_size = -32768; PRAGMA mmap_size = 268435456; PRAGMA temp_store = MEMORY;`

/**
 * For a disk so full that the index of the write-ahead log, which other processes share, finds no room: it is kept in
 * memory, so no other process can open the file meanwhile. What is stored can be read.
 */
export const cramped = `PRAGMA locking_mode = EXCLUSIVE; ${tuning}`

/** @throws Error of SQLite; {@link notOpened} words it */
export function connect(file: string, pragmas: string, options: { readOnly?: boolean } = {}): Connection {
  const db = new DatabaseSync(file, options)
  try {
    db.exec(pragmas)
    // The write-ahead log is opened by the first statement that reads.
    db.prepare('PRAGMA user_version').get()
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}

export function notOpened(file: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  if (isNoRoom(cause, file)) return diskFull(cause)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeshError('invalid_argument', `Cannot open control plane database ${file}: ${reason}`, {
    cause,
    hint: 'Nothing was changed. Restore the file from a backup, or move it away to begin an empty store.',
  })
}

/** Version of the schema that a file has. */
export const schemaOf = (db: Connection): number =>
  Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)

/** Brings the tables from one version to another, in the caller's transaction. */
export function migrate(db: Connection, migrations: readonly string[], from: number): void {
  for (const migration of migrations.slice(from)) db.exec(migration)
  db.exec(`PRAGMA user_version = ${migrations.length}`)
}

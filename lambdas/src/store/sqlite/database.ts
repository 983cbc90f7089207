/** The one file that knows node:sqlite: opening, tuning, migrating, transactions, statements. */
import { existsSync, statSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol/errors'
import { batchesOf, type DumpValue, type StoreDump, type TableRows } from '../dump.ts'
import { diskFull, newerSchema, storeFailed } from '../refusals.ts'
import type { Row } from '../sql/columns.ts'
import type { Script, SqlValue } from '../sql/script.ts'
import { insertInto, listTables, quoted } from './dump-statements.ts'
import { hasRoom, isNoRoom } from './room.ts'
import { migrations } from './schema.ts'

/**
 * Write-ahead log: readers never wait. `synchronous = FULL` costs 0.5 ms a write and is needed: after a power cut no
 * map number and no token use that somebody saw may be given out again. A second process waits up to 5 s for a lock.
 */
const tuning = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;
  PRAGMA cache_size = -32768; PRAGMA mmap_size = 268435456; PRAGMA temp_store = MEMORY;`

/**
 * For a disk so full that the index of the write-ahead log, which other processes share, finds no room: it is kept in
 * memory, so no other process can open the file meanwhile. What is there can be read.
 */
const cramped = `PRAGMA locking_mode = EXCLUSIVE; ${tuning}`

function notOpened(file: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  if (isNoRoom(cause, file)) return diskFull(cause)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeshError('invalid_argument', `Cannot open control plane database ${file}: ${reason}`, {
    cause,
    hint: 'Nothing was changed. Restore the file from a backup, or move it away to begin an empty store.',
  })
}

function opened(file: string, pragmas: string): DatabaseSync {
  const db = new DatabaseSync(file)
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

const schemaOf = (db: DatabaseSync): number =>
  Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)

function* rowsOf(db: DatabaseSync, table: string): Generator<TableRows> {
  const statement = db.prepare(`SELECT * FROM ${quoted(table)}`)
  const columns = statement.columns().map(({ name }) => name)
  const values = function* (): Generator<DumpValue[]> {
    for (const row of statement.iterate()) yield columns.map(column => row[column] as DumpValue)
  }
  yield* batchesOf(table, columns, values())
}

/** Whether a file holds a mesh; false where there is none. @throws MeshError invalid_argument for another file */
export function holdsMesh(file: string): boolean {
  if (!existsSync(file) || statSync(file).size === 0) return false
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    const tables = db.prepare(listTables).all()
    if (!tables.some(({ name }) => name === 'head_parts')) return false
    return db.prepare("SELECT 1 FROM head_parts WHERE name = 'keys'").get() !== undefined
  } catch (cause) {
    throw notOpened(file, cause)
  } finally {
    db.close()
  }
}

/**
 * Makes a database of a dump, in the schema that it was written in; the next opening brings it up to date.
 * @param file must not exist
 * @throws MeshError unsupported for a newer schema, invalid_argument for tables or columns that this schema lacks
 */
export async function fillDatabase(
  file: string,
  schema: number,
  batches: AsyncIterable<TableRows>,
): Promise<void> {
  if (schema > migrations.length) throw newerSchema('restore the backup', schema, migrations.length)
  const db = new DatabaseSync(file)
  try {
    db.exec(tuning)
    db.exec('BEGIN')
    for (const migration of migrations.slice(0, schema)) db.exec(migration)
    db.exec(`PRAGMA user_version = ${schema}`)
    // Migrations put first rows into some.
    for (const { name } of db.prepare(listTables).all()) db.exec(`DELETE FROM ${quoted(String(name))}`)
    for await (const { table, columns, rows } of batches) {
      const insert = db.prepare(insertInto(table, columns))
      for (const row of rows)
        insert.run(...row.map(value => (typeof value === 'boolean' ? Number(value) : value)))
    }
    db.exec('COMMIT')
  } catch (cause) {
    throw notFilled(file, cause)
  } finally {
    db.close()
  }
}

function notFilled(file: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  if (isNoRoom(cause, file)) return diskFull(cause)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeshError('invalid_argument', `Cannot restore the backup: ${reason}`, { cause })
}

/** Placeholders of scripts as SQLite has them. */
const numbered = (sql: string): string => sql.replace(/\$(?=\d)/g, '?')

const bound = (value: SqlValue): SQLInputValue => {
  if (typeof value === 'boolean') return Number(value)
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}

/** A SQLite file with prepared statements. Every method throws MeshErrors only. */
export class Database {
  readonly #file: string
  #db: DatabaseSync
  /** Opened on a full disk, for this process alone. */
  #cramped = false
  /** The last write that failed found no room. */
  #wasFull = false
  readonly #statements = new Map<string, StatementSync>()

  /**
   * Opens or creates `file` and brings its schema up to date. On a full disk what is there is served.
   * @throws MeshError invalid_argument, unsupported, unavailable when the disk is full and more is needed
   */
  constructor(file: string) {
    this.#file = file
    this.#db = this.#open()
    try {
      this.#migrate(file)
    } catch (cause) {
      this.#db.close()
      throw notOpened(file, cause)
    }
  }

  /**
   * Answers when the database can be read and written: after a write that found no room, or on a disk that has none.
   * @throws MeshError unavailable
   */
  ping(): void {
    this.get('SELECT 1')
    if (!hasRoom(this.#file)) throw diskFull()
    if (this.#wasFull || this.#cramped) this.transaction(() => this.run('UPDATE epoch SET value = value'))
    this.#wasFull = false
  }

  /** Runs `work` in one write transaction; a throw rolls it back. */
  transaction<T>(work: () => T): T {
    return this.#guarded(() => {
      this.#reopenIfRoom()
      this.#db.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        this.#db.exec('COMMIT')
        return result
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
        throw error
      }
    })
  }

  /**
   * A transaction that a power cut may undo, with those after it that are relaxed too: ten times as fast, for what is
   * told again anyway. A durable one makes those before it durable.
   */
  relaxed<T>(work: () => T): T {
    this.#guarded(() => this.#db.exec('PRAGMA synchronous = NORMAL'))
    try {
      return this.transaction(work)
    } finally {
      this.#guarded(() => this.#db.exec('PRAGMA synchronous = FULL'))
    }
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guarded(() => this.#prepare(sql).get(...values))
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#prepare(sql).all(...values))
  }

  /** Rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guarded(() => {
      this.#reopenIfRoom()
      return Number(this.#prepare(sql).run(...values).changes)
    })
  }

  /** Runs a script within this turn of the event loop; of one that writes the caller holds the transaction. */
  perform<T>(script: Script<T>): T {
    let step = script.next()
    while (step.done !== true) {
      const { sql, values, wants } = step.value
      step = script.next(this[wants === 'rows' ? 'all' : 'run'](sql, ...values.map(bound)))
    }
    return step.value
  }

  /** One consistent state, read over a connection of its own: nobody waits for it. */
  async *dump(): StoreDump {
    const db = opened(this.#file, 'PRAGMA query_only = ON; BEGIN')
    try {
      yield { kind: 'sqlite', schema: schemaOf(db) }
      for (const { name } of db.prepare(listTables).all())
        for (const batch of rowsOf(db, String(name))) {
          yield batch
          // Requests have their turn between two batches.
          await setImmediate()
        }
    } catch (cause) {
      throw cause instanceof MeshError ? cause : storeFailed(cause)
    } finally {
      db.close()
    }
  }

  close(): void {
    this.#statements.clear()
    if (this.#db.isOpen) this.#db.close()
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(numbered(sql))
    this.#statements.set(sql, statement)
    return statement
  }

  #guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      if (cause instanceof MeshError) throw cause
      if (!isNoRoom(cause, this.#file)) throw storeFailed(cause)
      this.#wasFull = true
      throw diskFull(cause)
    }
  }

  #open(): DatabaseSync {
    try {
      const db = opened(this.#file, tuning)
      this.#cramped = false
      return db
    } catch (cause) {
      if (!isNoRoom(cause, this.#file)) throw notOpened(this.#file, cause)
    }
    try {
      const db = opened(this.#file, cramped)
      this.#cramped = true
      return db
    } catch (cause) {
      throw notOpened(this.#file, cause)
    }
  }

  /** Before a write: once there is room again, other processes may share the file. */
  #reopenIfRoom(): void {
    if (!this.#cramped || this.#db.isTransaction || !hasRoom(this.#file)) return
    this.#statements.clear()
    this.#db.close()
    this.#db = this.#open()
  }

  #migrate(file: string): void {
    const known = migrations.length
    const stored = schemaOf(this.#db)
    if (stored > known) throw newerSchema(`open control plane database ${file}`, stored, known)
    if (stored === known) return
    this.transaction(() => {
      for (const migration of migrations.slice(stored)) this.#db.exec(migration)
      this.#db.exec(`PRAGMA user_version = ${known}`)
    })
  }
}

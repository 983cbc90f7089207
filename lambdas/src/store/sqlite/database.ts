/** The one file that knows node:sqlite: opening, tuning, migrating, transactions, statements. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { Row } from '../sql/columns.ts'
import { migrations } from './schema.ts'

/**
 * Write-ahead log: readers never wait. `synchronous = FULL` costs 0.5 ms a write and is needed: after a power cut no
 * map number and no token use that somebody saw may be given out again. A second process waits up to 5 s for a lock.
 */
const tuning = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;
  PRAGMA cache_size = -32768; PRAGMA mmap_size = 268435456; PRAGMA temp_store = MEMORY;`

function notOpened(file: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeshError('invalid_argument', `Cannot open control plane database ${file}: ${reason}`, {
    cause,
    hint: 'Nothing was changed. Restore the file from a backup, or move it away to begin an empty store.',
  })
}

/** A SQLite file with prepared statements. Every method throws MeshErrors only. */
export class Database {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** Opens or creates `file` and brings its schema up to date. @throws MeshError invalid_argument, unsupported */
  constructor(file: string) {
    try {
      this.#db = new DatabaseSync(file)
    } catch (cause) {
      throw notOpened(file, cause)
    }
    try {
      this.#db.exec(tuning)
      this.#migrate(file)
    } catch (cause) {
      this.#db.close()
      throw notOpened(file, cause)
    }
  }

  /** Runs `work` in one write transaction; a throw rolls it back. */
  transaction<T>(work: () => T): T {
    return this.#guarded(() => {
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
    return this.#guarded(() => Number(this.#prepare(sql).run(...values).changes))
  }

  close(): void {
    this.#statements.clear()
    if (this.#db.isOpen) this.#db.close()
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      if (cause instanceof MeshError) throw cause
      // Callers are told no more than that: the reason names tables and files, and is in the log.
      throw new MeshError('unavailable', 'Cannot answer: the control plane database does not work', {
        cause,
        hint: 'The log of the control plane has the reason.',
      })
    }
  }

  #migrate(file: string): void {
    const known = migrations.length
    const stored = Number(this.#db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
    if (stored > known)
      throw new MeshError(
        'unsupported',
        `Cannot open control plane database ${file}: its schema is version ${stored}, this build knows ${known}`,
        { hint: 'Run the newer build that wrote it, or restore a backup made by this one.' },
      )
    if (stored === known) return
    this.transaction(() => {
      for (const migration of migrations.slice(stored)) this.#db.exec(migration)
      this.#db.exec(`PRAGMA user_version = ${known}`)
    })
  }
}

/** A SQLite file as scripts need it: transactions, prepared statements, and a disk that may be full. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { diskFull, newerSchema, storeFailed } from '../refusals.ts'
import type { Row } from '../sql/columns.ts'
import type { Script, SqlValue } from '../sql/script.ts'
import {
  connect,
  cramped,
  migrate,
  notOpened,
  schemaOf,
  tuning,
  type Bindable,
  type Connection,
  type Prepared,
} from './connection.ts'
import { hasRoom, isNoRoom } from './room.ts'
import { migrations } from './schema.ts'

/** Placeholders of scripts as SQLite has them. */
const numbered = (sql: string): string => sql.replace(/\$(?=\d)/g, '?')

const bound = (value: SqlValue): Bindable => {
  if (typeof value === 'boolean') return Number(value)
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}

/** A SQLite file with prepared statements. Every method throws MeshErrors only. */
export class Database {
  readonly #file: string
  #db: Connection
  /** Opened on a full disk, for this process alone. */
  #cramped = false
  /** The last write that failed found no room. */
  #wasFull = false
  readonly #statements = new Map<string, Prepared>()

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
   * reported again anyway. A durable one makes those before it durable.
   */
  relaxed<T>(work: () => T): T {
    this.#guarded(() => this.#db.exec('PRAGMA synchronous = NORMAL'))
    try {
      return this.transaction(work)
    } finally {
      this.#guarded(() => this.#db.exec('PRAGMA synchronous = FULL'))
    }
  }

  get(sql: string, ...values: Bindable[]): Row | undefined {
    return this.#guarded(() => this.#prepare(sql).get(...values))
  }

  all(sql: string, ...values: Bindable[]): Row[] {
    return this.#guarded(() => this.#prepare(sql).all(...values))
  }

  /** Rows changed. */
  run(sql: string, ...values: Bindable[]): number {
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

  close(): void {
    this.#statements.clear()
    if (this.#db.isOpen) this.#db.close()
  }

  #prepare(sql: string): Prepared {
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

  #open(): Connection {
    try {
      const db = connect(this.#file, tuning)
      this.#cramped = false
      return db
    } catch (cause) {
      if (!isNoRoom(cause, this.#file)) throw notOpened(this.#file, cause)
    }
    try {
      const db = connect(this.#file, cramped)
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
    this.transaction(() => migrate(this.#db, migrations, stored))
  }
}

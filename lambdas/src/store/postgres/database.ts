/** The one file that knows pg: the pool, transactions that survive a lost connection, notifications. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import pg from 'pg'
import { postgresPool, writeTries } from '../../defaults.ts'
import { jitter } from '../jitter.ts'
import type { Row } from '../sql/columns.ts'
import { run, type Script, type SqlValue as Value } from '../sql/script.ts'
import { diskFull, storeFailed } from '../refusals.ts'
import { isDiskFull, isPassing } from './passing-failures.ts'
import { schemaName } from './schema.ts'

/** Statements on one connection or on any. */
export interface Sql {
  all(sql: string, ...values: Value[]): Promise<Row[]>
  get(sql: string, ...values: Value[]): Promise<Row | undefined>
  /** Rows changed. */
  run(sql: string, ...values: Value[]): Promise<number>
}

const channel = schemaName

const sqlOn = (client: Pick<pg.ClientBase, 'query'>): Sql => {
  const query = (sql: string, values: Value[]) => client.query<Row>(sql, values)
  return {
    all: async (sql, ...values) => (await query(sql, values)).rows,
    get: async (sql, ...values) => (await query(sql, values)).rows[0],
    run: async (sql, ...values) => (await query(sql, values)).rowCount ?? 0,
  }
}

/** Runs a script on one connection or on any. */
export async function perform<T>(sql: Pick<Sql, 'all' | 'run'>, script: Script<T>): Promise<T> {
  let step = script.next()
  while (step.done !== true) {
    const { sql: statement, values, wants } = step.value
    const found = sql[wants === 'rows' ? 'all' : 'run'](statement, ...values)
    step = script.next(await found)
  }
  return step.value
}

/** A PostgreSQL database. Every method throws MeshErrors only, and none of them tells the URL. */
export class Database {
  readonly #pool: pg.Pool
  readonly #config: pg.ClientConfig
  /** Tells the notifications of this process from those of others. */
  readonly #self = randomUUID()
  readonly #listeners = new Set<() => void>()
  #listening: Promise<void> | undefined
  /** The last write that failed found no room. */
  #wasFull = false
  readonly #closing = new AbortController()

  constructor(url: string) {
    const { poolSize: max, connectMs, idleMs, statementMs } = postgresPool
    this.#config = {
      connectionString: url,
      application_name: 'agent-mesh',
      options: `-c search_path=${schemaName}`,
      connectionTimeoutMillis: connectMs,
      query_timeout: statementMs,
      idle_in_transaction_session_timeout: statementMs,
      keepAlive: true,
    }
    this.#pool = new pg.Pool({ ...this.#config, max, idleTimeoutMillis: idleMs })
    // An idle connection that breaks is replaced by the next request; without a listener it would end the process.
    this.#pool.on('error', () => {})
  }

  /**
   * Runs `work` in one transaction; a throw rolls it back. Deadlocks and lost connections are tried again. Where the
   * connection broke at the commit, the database is asked what became of it: nothing is done twice, nothing is lost.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    let unsure: { xid: string; result: T } | undefined
    return this.#persist(async () => {
      if (unsure !== undefined && (await this.#committed(unsure.xid))) return unsure.result
      unsure = undefined
      return this.#connected(async client => {
        const xid = await begin(client)
        try {
          const result = await work(sqlOn(client))
          unsure = { xid, result }
          await client.query('COMMIT')
          return result
        } catch (error) {
          if (unsure === undefined) await client.query('ROLLBACK').catch(() => undefined)
          throw error
        }
      })
    })
  }

  /** A statement of its own; may run twice when the connection breaks, so for reads only. */
  all(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.#persist(() => this.#connected(client => sqlOn(client).all(sql, ...values)))
  }

  async get(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all(sql, ...values))[0]
  }

  /** A script that only reads, each statement on its own. */
  read<T>(script: Script<T>): Promise<T> {
    const refuse = (): never => {
      throw new Error('a script that reads changed something')
    }
    return perform({ all: (sql, ...values) => this.all(sql, ...values), run: refuse }, script)
  }

  /** Answers when the database does, and when it can write again if its disk was full. @throws MeshError unavailable */
  async ping(): Promise<void> {
    await this.get('SELECT 1')
    if (!this.#wasFull) return
    await this.transaction(tx => tx.run('UPDATE epoch SET value = value'))
    this.#wasFull = false
  }

  /** A snapshot that `work` reads on one connection, as long as it takes: writers go on meanwhile. */
  async *snapshot<T>(
    work: (tx: Sql) => AsyncGenerator<T, void, undefined>,
  ): AsyncGenerator<T, void, undefined> {
    const client = await this.#persist(() => this.#pool.connect())
    let failed: Error | undefined
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      await client.query(`SET LOCAL idle_in_transaction_session_timeout = ${postgresPool.snapshotIdleMs}`)
      yield* work(sqlOn(client))
      await client.query('COMMIT')
    } catch (cause) {
      failed = cause instanceof Error ? cause : new Error(String(cause))
      throw cause instanceof MeshError ? cause : storeFailed(cause)
    } finally {
      // Whoever stops reading early leaves a transaction open: it goes with its connection.
      client.release(failed ?? true)
    }
  }

  /** Runs `work` once, all or nothing: what it reads cannot be read a second time. */
  async once<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    const client = await this.#persist(() => this.#pool.connect())
    try {
      await client.query('BEGIN')
      const result = await work(sqlOn(client))
      await client.query('COMMIT')
      return result
    } catch (cause) {
      if (cause instanceof MeshError) throw cause
      throw isDiskFull(cause) ? diskFull(cause) : storeFailed(cause)
    } finally {
      client.release(true)
    }
  }

  /** Notifies the other processes of this database, once the transaction is committed. */
  *announce(): Script<void> {
    yield* run('SELECT pg_notify($1, $2)', channel, this.#self)
  }

  /** Calls `listener` when another process notified, or may have. @returns how to stop */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    this.#listening ??= this.#follow()
    return () => void this.#listeners.delete(listener)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    await this.#listening
    await this.#pool.end()
  }

  /** Keeps one connection listening; after each loss it is made anew and everything may have changed. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing
    for (let tries = 1; !signal.aborted; tries++) {
      const client = new pg.Client(this.#config)
      const lost = new Promise<void>(resolve => {
        client.on('error', () => resolve())
        client.on('end', () => resolve())
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      client.on('notification', ({ payload }) => payload !== this.#self && this.#tell())
      try {
        await client.connect()
        await client.query(`LISTEN ${channel}`)
        tries = 0
        this.#tell()
        await lost
      } catch {
        // The pool says so, too, to somebody who asked.
      }
      await client.end().catch(() => undefined)
      await sleep(timerDelay(jitter(tries)), undefined, { signal }).catch(() => undefined)
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  async #connected<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    let broken: Error | undefined
    const onError = (error: Error): void => void (broken = error)
    client.on('error', onError)
    try {
      return await work(client)
    } catch (error) {
      if (isPassing(error)) broken ??= error as Error
      throw error
    } finally {
      client.off('error', onError)
      client.release(broken)
    }
  }

  #full(cause: unknown): MeshError {
    this.#wasFull = true
    return diskFull(cause)
  }

  /** @throws when the database cannot be asked, either */
  async #committed(xid: string): Promise<boolean> {
    const status = await this.#connected(client =>
      sqlOn(client).get('SELECT pg_xact_status($1::text::xid8) AS status', xid),
    )
    if (status?.['status'] === 'in progress')
      throw Object.assign(new Error('the transaction is still ending'), { code: '08007' })
    return status?.['status'] === 'committed'
  }

  async #persist<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++)
      try {
        if (this.#closing.signal.aborted) throw new Error('the store is closed')
        return await work()
      } catch (cause) {
        if (cause instanceof MeshError) throw cause
        if (isDiskFull(cause)) throw this.#full(cause)
        if (tries === writeTries || !isPassing(cause)) throw storeFailed(cause)
        await sleep(timerDelay(jitter(tries)))
      }
  }
}

/** Begins, and learns the number by which the transaction can be asked for later. */
async function begin(client: pg.PoolClient): Promise<string> {
  await client.query('BEGIN')
  const row = await sqlOn(client).get('SELECT pg_current_xact_id()::text AS xid')
  return String(row?.['xid'])
}

/** A PostgreSQL database: transactions that survive a lost connection, snapshots, scripts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol/errors'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { postgresPool, writeTries } from '../../defaults.ts'
import { jitter } from '../jitter.ts'
import { diskFull, storeFailed } from '../refusals.ts'
import type { Row } from '../sql/columns.ts'
import type { Script, SqlValue as Value } from '../sql/script.ts'
import { Notifications } from './notifications.ts'
import { isDiskFull, isPassing } from './passing-failures.ts'
import { newClient, openPool, sqlOn, type Pool, type PoolClient, type Sql } from './pool.ts'

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

/** A PostgreSQL database. Every method throws MeshErrors only, and none of them names the URL. */
export class Database {
  readonly notifications: Notifications
  readonly #pool: Pool
  /** The last write that failed found no room. */
  #wasFull = false
  #closed = false

  constructor(url: string) {
    this.#pool = openPool(url)
    this.notifications = new Notifications(() => newClient(url))
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

  /** A snapshot that `work` reads on one connection, as long as it takes: writers do not wait for it. */
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
      // A reader that stops early leaves a transaction open: it ends with its connection.
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

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.notifications.close()
    await this.#pool.end()
  }

  async #connected<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
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
        if (this.#closed) throw new Error('the store is closed')
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
async function begin(client: PoolClient): Promise<string> {
  await client.query('BEGIN')
  const row = await sqlOn(client).get('SELECT pg_current_xact_id()::text AS xid')
  return String(row?.['xid'])
}

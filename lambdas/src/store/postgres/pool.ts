/** The one file that knows pg: the pool, single connections, and statements on either. */
import pg from 'pg'
import { postgresPool } from '../../defaults.ts'
import type { Row } from '../sql/columns.ts'
import type { SqlValue } from '../sql/script.ts'
import { schemaName } from './schema.ts'

export type Pool = pg.Pool
export type PoolClient = pg.PoolClient
export type Client = pg.Client

/** Statements on one connection or on any. */
export interface Sql {
  all(sql: string, ...values: SqlValue[]): Promise<Row[]>
  get(sql: string, ...values: SqlValue[]): Promise<Row | undefined>
  /** Rows changed. */
  run(sql: string, ...values: SqlValue[]): Promise<number>
}

export const sqlOn = (client: Pick<pg.ClientBase, 'query'>): Sql => {
  const query = (sql: string, values: SqlValue[]) => client.query<Row>(sql, values)
  return {
    all: async (sql, ...values) => (await query(sql, values)).rows,
    get: async (sql, ...values) => (await query(sql, values)).rows[0],
    run: async (sql, ...values) => (await query(sql, values)).rowCount ?? 0,
  }
}

const configOf = (url: string): pg.ClientConfig => ({
  connectionString: url,
  application_name: 'agent-mesh',
  options: `-c search_path=${schemaName}`,
  connectionTimeoutMillis: postgresPool.connectMs,
  query_timeout: postgresPool.statementMs,
  idle_in_transaction_session_timeout: postgresPool.statementMs,
  keepAlive: true,
})

export function openPool(url: string): Pool {
  const { poolSize: max, idleMs } = postgresPool
  const pool = new pg.Pool({ ...configOf(url), max, idleTimeoutMillis: idleMs })
  // An idle connection that breaks is replaced by the next request; without a listener it would end the process.
  pool.on('error', () => {})
  return pool
}

/** A connection beside the pool, not connected yet. */
export const newClient = (url: string): Client => new pg.Client(configOf(url))

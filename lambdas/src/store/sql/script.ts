/**
 * Work on a SQL database, written once for all of them: a generator that yields statements and receives their results.
 * SQLite runs it within one turn of the event loop, PostgreSQL waits for each statement. Placeholders are `$1`, `$2`, ….
 */
import type { Row } from './columns.ts'

/** An array is one value; the dialect says how it is compared. */
export type SqlValue = string | number | boolean | null | readonly string[] | readonly number[]

export interface Statement {
  sql: string
  values: readonly SqlValue[]
  /** What is wanted of it: its rows, or how many it changed. */
  wants: 'rows' | 'changes'
}

export type Script<T> = Generator<Statement, T, Row[] | number>

export function* all(sql: string, ...values: SqlValue[]): Script<Row[]> {
  return (yield { sql, values, wants: 'rows' }) as Row[]
}

export function* get(sql: string, ...values: SqlValue[]): Script<Row | undefined> {
  return (yield* all(sql, ...values))[0]
}

/** Rows changed. */
export function* run(sql: string, ...values: SqlValue[]): Script<number> {
  return (yield { sql, values, wants: 'changes' }) as number
}

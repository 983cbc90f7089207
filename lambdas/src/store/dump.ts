/** A store as rows, whatever its schema: what a backup carries. */

export type DumpValue = string | number | boolean | null

export interface DumpHead {
  kind: 'sqlite' | 'postgres'
  /** Version of the schema that the rows are of. */
  schema: number
}

/** Some rows of a table, each in the order of `columns`. */
export interface TableRows {
  table: string
  columns: string[]
  rows: DumpValue[][]
}

/** Bounds of what one {@link TableRows} holds: rows, and bytes of their text at which it ends. */
export const dumpBatch = { rows: 200, bytes: 1024 * 1024 } as const

/** Collects rows into batches. @param columns the names of a row's values */
export function* batchesOf(
  table: string,
  columns: string[],
  rows: Iterable<DumpValue[]>,
): Generator<TableRows> {
  let batch: DumpValue[][] = []
  let bytes = 0
  for (const row of rows) {
    batch.push(row)
    bytes += row.reduce<number>((sum, value) => sum + String(value).length, 0)
    if (batch.length < dumpBatch.rows && bytes < dumpBatch.bytes) continue
    yield { table, columns, rows: batch }
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield { table, columns, rows: batch }
}

/** One consistent state of a store: the head first, then all rows of all tables. */
export type StoreDump = AsyncGenerator<DumpHead | TableRows, void, undefined>

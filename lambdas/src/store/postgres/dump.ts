/** Dump and restore on PostgreSQL, without its tools: rows of every table of the schema, in one snapshot. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { batchesOf, dumpBatch, type DumpValue, type StoreDump, type TableRows } from '../dump.ts'
import { newerSchema } from '../refusals.ts'
import { text, type Row } from '../sql/columns.ts'
import { Database } from './database.ts'
import { lockFor } from './locks.ts'
import { makeSchema, migrateTo } from './migrate.ts'
import type { Sql } from './pool.ts'
import { migrations, schemaName } from './schema.ts'

/** Kept apart: its row is the version in the dump's head. */
const versionTable = 'schema_version'

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const tablesOf = async (tx: Sql): Promise<string[]> => {
  const rows = await tx.all(
    'SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename <> $2 ORDER BY tablename',
    schemaName,
    versionTable,
  )
  return rows.map(row => text(row, 'tablename'))
}

export const dumpOf = (db: Database): StoreDump =>
  db.snapshot(async function* (tx) {
    const version = await tx.get(`SELECT version FROM ${versionTable}`)
    yield { kind: 'postgres', schema: Number(version?.['version'] ?? 0) }
    for (const table of await tablesOf(tx)) yield* rowsOf(tx, table)
  })

async function* rowsOf(tx: Sql, table: string): AsyncGenerator<TableRows, void, undefined> {
  await tx.run(`DECLARE dumped NO SCROLL CURSOR FOR SELECT * FROM ${quoted(table)}`)
  for (;;) {
    const rows = await tx.all(`FETCH ${dumpBatch.rows} FROM dumped`)
    const columns = Object.keys(rows[0] ?? {})
    yield* batchesOf(table, columns, valuesOf(columns, rows))
    if (rows.length < dumpBatch.rows) break
  }
  await tx.run('CLOSE dumped')
}

function* valuesOf(columns: string[], rows: Row[]): Generator<DumpValue[]> {
  for (const row of rows) yield columns.map(column => row[column] as DumpValue)
}

/**
 * Fills a database that holds no mesh, in the schema that the dump was written in; the next opening brings it up to date.
 * All or nothing: a failure of `batches` leaves the database as it was.
 * @throws MeshError conflict when it holds a mesh, unsupported for a newer schema, unavailable
 */
export async function fillPostgres(
  url: string,
  schema: number,
  batches: AsyncIterable<TableRows>,
): Promise<void> {
  if (schema > migrations.length) throw newerSchema('restore the backup', schema, migrations.length)
  const db = new Database(url)
  try {
    await db.once(async tx => {
      await lockFor(tx, 'migration')
      await refuseMesh(tx)
      await tx.run(`DROP SCHEMA IF EXISTS ${schemaName} CASCADE`)
      await makeSchema(tx)
      await migrateTo(tx, schema)
      const tables = new Set(await tablesOf(tx))
      // Migrations put first rows into some.
      for (const table of tables) await tx.run(`DELETE FROM ${quoted(table)}`)
      for await (const batch of batches) await insert(tx, tables, batch)
    })
  } finally {
    await db.close()
  }
}

async function refuseMesh(tx: Sql): Promise<void> {
  const parts = await tx.get('SELECT to_regclass($1) AS there', `${schemaName}.head_parts`)
  if (parts?.['there'] === null) return
  const keys = await tx.get(`SELECT 1 FROM ${schemaName}.head_parts WHERE name = 'keys'`)
  if (keys === undefined) return
  throw new MeshError('conflict', 'Cannot restore: the database holds a mesh already', {
    hint: `Restore into an empty database, or drop the schema ${schemaName} first.`,
  })
}

async function insert(tx: Sql, tables: Set<string>, { table, columns, rows }: TableRows): Promise<void> {
  if (!tables.has(table))
    throw new MeshError('invalid_argument', `Cannot restore the backup: there is no table ${table}`)
  const objects = rows.map(row => Object.fromEntries(columns.map((column, i) => [column, row[i]])))
  const names = columns.map(quoted).join(', ')
  await tx.run(
    `INSERT INTO ${quoted(table)} (${names}) SELECT ${names} FROM json_populate_recordset(NULL::${quoted(table)}, $1)`,
    JSON.stringify(objects),
  )
}

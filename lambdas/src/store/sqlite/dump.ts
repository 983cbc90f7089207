/** Dump and restore of a SQLite file: rows of every table, as one consistent state. */
import { existsSync, statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol/errors'
import { batchesOf, type DumpValue, type StoreDump, type TableRows } from '../dump.ts'
import { diskFull, newerSchema, storeFailed } from '../refusals.ts'
import { connect, migrate, notOpened, schemaOf, tuning, type Connection } from './connection.ts'
import { isNoRoom } from './room.ts'
import { migrations } from './schema.ts'

// Names of tables and columns come from the catalogue of the file, so each is quoted.
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const listTables = `
  SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`

const insertInto = (table: string, columns: readonly string[]): string =>
  `INSERT INTO ${quoted(table)} (${columns.map(quoted).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`

function* rowsOf(db: Connection, table: string): Generator<TableRows> {
  const statement = db.prepare(`SELECT * FROM ${quoted(table)}`)
  const columns = statement.columns().map(({ name }) => name)
  const values = function* (): Generator<DumpValue[]> {
    for (const row of statement.iterate()) yield columns.map(column => row[column] as DumpValue)
  }
  yield* batchesOf(table, columns, values())
}

/** One consistent state, read over a connection of its own: no request waits for it. */
export async function* dumpOf(file: string): StoreDump {
  const db = connect(file, 'PRAGMA query_only = ON; BEGIN')
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

/** Whether a file holds a mesh; false where there is none. @throws MeshError invalid_argument for another file */
export function holdsMesh(file: string): boolean {
  if (!existsSync(file) || statSync(file).size === 0) return false
  let db: Connection | undefined
  try {
    db = connect(file, '', { readOnly: true })
    const tables = db.prepare(listTables).all()
    if (!tables.some(({ name }) => name === 'head_parts')) return false
    return db.prepare("SELECT 1 FROM head_parts WHERE name = 'keys'").get() !== undefined
  } catch (cause) {
    throw notOpened(file, cause)
  } finally {
    db?.close()
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
  let db: Connection | undefined
  try {
    db = connect(file, tuning)
    db.exec('BEGIN')
    migrate(db, migrations.slice(0, schema), 0)
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
    db?.close()
  }
}

function notFilled(file: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause
  if (isNoRoom(cause, file)) return diskFull(cause)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MeshError('invalid_argument', `Cannot restore the backup: ${reason}`, { cause })
}

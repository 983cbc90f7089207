import { newerSchema } from '../refusals.ts'
import type { Database } from './database.ts'
import { lockFor } from './locks.ts'
import type { Sql } from './pool.ts'
import { migrations, schemaName } from './schema.ts'

/** Brings the schema up to date; of several processes that start at once one does it. @throws MeshError unsupported */
export function migrate(db: Database): Promise<void> {
  return db.transaction(async tx => {
    await lockFor(tx, 'migration')
    await makeSchema(tx)
    const stored = Number((await tx.get('SELECT version FROM schema_version'))?.['version'] ?? 0)
    const known = migrations.length
    if (stored > known) throw newerSchema('open control plane database', stored, known)
    if (stored < known) await migrateTo(tx, known, stored)
  })
}

/** Empty, unless it is there. */
export async function makeSchema(tx: Sql): Promise<void> {
  await tx.run(`CREATE SCHEMA IF NOT EXISTS ${schemaName}`)
  await tx.run('CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)')
}

/** Makes the tables of a version. @param from the version that is there */
export async function migrateTo(tx: Sql, version: number, from = 0): Promise<void> {
  for (const migration of migrations.slice(from, version))
    for (const statement of migration.split(';')) if (statement.trim() !== '') await tx.run(statement)
  await tx.run('DELETE FROM schema_version')
  await tx.run('INSERT INTO schema_version VALUES ($1)', version)
}

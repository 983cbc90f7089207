import { MeshError } from '@agent-mesh/protocol/errors'
import type { Database } from './database.ts'
import { lockFor, locks } from './locks.ts'
import { migrations, schemaName } from './schema.ts'

/** Brings the schema up to date; of several processes that start at once one does it. @throws MeshError unsupported */
export function migrate(db: Database): Promise<void> {
  return db.transaction(async tx => {
    await lockFor(tx, locks.migration)
    await tx.run(`CREATE SCHEMA IF NOT EXISTS ${schemaName}`)
    await tx.run('CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)')
    const stored = Number((await tx.get('SELECT version FROM schema_version'))?.['version'] ?? 0)
    const known = migrations.length
    if (stored > known)
      throw new MeshError(
        'unsupported',
        `Cannot open control plane database: its schema is version ${stored}, this build knows ${known}`,
        { hint: 'Run the newer build that wrote it, or restore a backup made by this one.' },
      )
    if (stored === known) return
    for (const migration of migrations.slice(stored))
      for (const statement of migration.split(';')) if (statement.trim() !== '') await tx.run(statement)
    await tx.run('DELETE FROM schema_version')
    await tx.run('INSERT INTO schema_version VALUES ($1)', known)
  })
}

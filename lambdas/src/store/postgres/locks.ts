/** Advisory locks of a transaction: what no row stands for. */
import type { LockName } from '../sql/dialect.ts'
import type { Sql } from './pool.ts'

export const lockStatement = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))'

/** The name is of the whole database, so it begins with the project's. */
export const lockValue = (name: LockName | 'migration'): string => `agent_mesh ${name}`

/** Until the transaction ends. */
export async function lockFor(tx: Sql, name: LockName | 'migration'): Promise<void> {
  await tx.run(lockStatement, lockValue(name))
}

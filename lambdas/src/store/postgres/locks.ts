/** Advisory locks of a transaction: what no row stands for. */
import type { Sql } from './database.ts'

export const locks = { migration: 'migration', enrolment: 'enrolment', audit: 'audit' } as const

export const lockStatement = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))'

/** The name is of the whole database, so it begins with the project's. */
export const lockValue = (name: string): string => `agent_mesh ${name}`

/** Until the transaction ends. */
export async function lockFor(tx: Sql, name: string): Promise<void> {
  await tx.run(lockStatement, lockValue(name))
}

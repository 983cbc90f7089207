/** Advisory locks of a transaction: what no row stands for. */
import type { Sql } from './database.ts'

export const locks = { migration: 'migration', enrolment: 'enrolment', audit: 'audit' } as const

/** Until the transaction ends. The name is of the whole database, so it begins with the project's. */
export async function lockFor(tx: Sql, name: string): Promise<void> {
  await tx.run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', `agent_mesh ${name}`)
}

import { nextAuditEntry, type AuditEntry, type AuditEvent, type AuditHead } from '@agent-mesh/protocol/audit'
import { auditEntryFromRow, auditHeadFromRow, auditValues, selectAuditHead } from '../sql/audit-rows.ts'
import type { PostgresInit } from './init.ts'
import { lockFor, locks } from './locks.ts'

/** The audit chain on PostgreSQL. */
export const audit = ({ db }: Pick<PostgresInit, 'db'>) => ({
  readAuditHead: async (): Promise<AuditHead> => auditHeadFromRow(await db.get(selectAuditHead)),

  /** One writer at a time, whatever its process: each needs the hash of the one before it, committed. */
  appendAudit: (event: AuditEvent): Promise<void> =>
    db.transaction(async tx => {
      await lockFor(tx, locks.audit)
      const head = auditHeadFromRow(await tx.get(selectAuditHead))
      const values = auditValues(nextAuditEntry(head, event))
      await tx.run('INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7)', ...values)
    }),

  async listAudit({ after = 0, limit }: { after?: number; limit: number }): Promise<AuditEntry[]> {
    const rows = await db.all('SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2', after, limit)
    return rows.map(auditEntryFromRow)
  },
})

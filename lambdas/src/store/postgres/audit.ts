import { nextAuditEntry, type AuditEntry, type AuditEvent, type AuditHead } from '@agent-mesh/protocol/audit'
import { auditEntryFromRow, auditHeadFromRow, auditValues, selectAuditHead } from '../sql/audit-rows.ts'
import type { Sql } from './database.ts'
import type { PostgresInit } from './init.ts'
import { lockFor, locks } from './locks.ts'

/** The audit chain on PostgreSQL. Each entry takes its place in the chain in the transaction that it is about. */
export const audit = ({ db }: Pick<PostgresInit, 'db'>) => {
  /**
   * One writer at a time, whatever its process: each needs the hash of the one before it, committed. The last lock that a
   * transaction takes, so that no two wait for each other.
   */
  const record = async (tx: Sql, ...events: AuditEvent[]): Promise<void> => {
    if (events.length === 0) return
    await lockFor(tx, locks.audit)
    let head = auditHeadFromRow(await tx.get(selectAuditHead))
    for (const event of events) {
      const entry = nextAuditEntry(head, event)
      await tx.run('INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7)', ...auditValues(entry))
      head = entry
    }
  }

  return {
    record,
    readAuditHead: async (): Promise<AuditHead> => auditHeadFromRow(await db.get(selectAuditHead)),
    appendAudit: (event: AuditEvent): Promise<void> => db.transaction(tx => record(tx, event)),
    // Nothing waits.
    chainAudit: async (): Promise<void> => {},
    listWaitingAudit: async (): Promise<AuditEvent[]> => [],

    async listAudit({ after = 0, limit }: { after?: number; limit: number }): Promise<AuditEntry[]> {
      const rows = await db.all('SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2', after, limit)
      return rows.map(auditEntryFromRow)
    },
  }
}

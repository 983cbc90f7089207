import { nextAuditEntry, type AuditEntry, type AuditEvent, type AuditHead } from '@agent-mesh/protocol/audit'
import { auditEntryFromRow, auditHeadFromRow, auditValues, selectAuditHead } from '../sql/audit-rows.ts'
import type { SqliteInit } from './init.ts'

/** The audit chain on SQLite. One transaction writes at a time, so each takes its place in the chain at once. */
export const audit = ({ db }: Pick<SqliteInit, 'db'>) => {
  const head = (): AuditHead => auditHeadFromRow(db.get(selectAuditHead))
  /** In the caller's transaction. */
  const record = (event: AuditEvent): void => {
    const values = auditValues(nextAuditEntry(head(), event))
    db.run('INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)', ...values)
  }
  return {
    record,
    readAuditHead: head,

    appendAudit: (event: AuditEvent): void => db.transaction(() => record(event)),
    // Nothing waits.
    chainAudit: (): void => {},
    listWaitingAudit: (): AuditEvent[] => [],

    listAudit: ({ after = 0, limit }: { after?: number; limit: number }): AuditEntry[] =>
      db.all('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', after, limit).map(auditEntryFromRow),
  }
}

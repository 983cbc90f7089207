import { nextAuditEntry, type AuditEntry, type AuditEvent, type AuditHead } from '@agent-mesh/protocol/audit'
import { auditEntryFromRow, auditHeadFromRow, auditValues, selectAuditHead } from '../sql/audit-rows.ts'
import type { SqliteInit } from './init.ts'

/** The audit chain on SQLite. */
export const audit = ({ db }: Pick<SqliteInit, 'db'>) => {
  const head = (): AuditHead => auditHeadFromRow(db.get(selectAuditHead))
  return {
    readAuditHead: head,

    appendAudit: (event: AuditEvent): void =>
      db.transaction(() => {
        const values = auditValues(nextAuditEntry(head(), event))
        db.run('INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)', ...values)
      }),

    listAudit: ({ after = 0, limit }: { after?: number; limit: number }): AuditEntry[] =>
      db.all('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', after, limit).map(auditEntryFromRow),
  }
}

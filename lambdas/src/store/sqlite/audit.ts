import {
  auditRoot,
  nextAuditEntry,
  type AuditEntry,
  type AuditEvent,
  type AuditHead,
} from '@agent-mesh/protocol/audit'
import { number, text } from './columns.ts'
import type { Row } from './database.ts'
import type { SqliteInit } from './init.ts'

const entryFromRow = (row: Row): AuditEntry => ({
  seq: number(row, 'seq'),
  at: number(row, 'at'),
  who: text(row, 'who'),
  what: text(row, 'what'),
  ...(row['detail'] === null ? {} : { detail: JSON.parse(text(row, 'detail')) as Record<string, unknown> }),
  prev: text(row, 'prev'),
  hash: text(row, 'hash'),
})

/** The audit chain on SQLite. */
export const audit = ({ db }: Pick<SqliteInit, 'db'>) => {
  const head = (): AuditHead => {
    const row = db.get('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1')
    return row === undefined ? auditRoot : { seq: number(row, 'seq'), hash: text(row, 'hash') }
  }
  return {
    readAuditHead: head,

    appendAudit: (event: AuditEvent): void =>
      db.transaction(() => {
        const { seq, at, who, what, detail, prev, hash } = nextAuditEntry(head(), event)
        const json = detail === undefined ? null : JSON.stringify(detail)
        db.run('INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)', seq, at, who, what, json, prev, hash)
      }),

    listAudit: ({ after = 0, limit }: { after?: number; limit: number }): AuditEntry[] =>
      db.all('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?', after, limit).map(entryFromRow),
  }
}

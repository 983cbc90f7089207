import { auditRoot, type AuditEntry, type AuditHead } from '@agent-mesh/protocol/audit'
import { number, text, type Row } from './columns.ts'

export const auditEntryFromRow = (row: Row): AuditEntry => ({
  seq: number(row, 'seq'),
  at: number(row, 'at'),
  who: text(row, 'who'),
  what: text(row, 'what'),
  ...(row['detail'] === null ? {} : { detail: JSON.parse(text(row, 'detail')) as Record<string, unknown> }),
  prev: text(row, 'prev'),
  hash: text(row, 'hash'),
})

/** In the order of the columns. */
export const auditValues = ({ seq, at, who, what, detail, prev, hash }: AuditEntry) =>
  [seq, at, who, what, detail === undefined ? null : JSON.stringify(detail), prev, hash] as const

export const selectAuditHead = 'SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1'
export const auditHeadFromRow = (row: Row | undefined): AuditHead =>
  row === undefined ? auditRoot : { seq: number(row, 'seq'), hash: text(row, 'hash') }

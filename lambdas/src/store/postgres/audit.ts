import {
  auditRoot,
  nextAuditEntry,
  type AuditEntry,
  type AuditEvent,
  type AuditHead,
} from '@agent-mesh/protocol/audit'
import { number, text } from './columns.ts'
import type { Row } from './database.ts'
import type { PostgresInit } from './init.ts'
import { lockFor, locks } from './locks.ts'

const entryFromRow = (row: Row): AuditEntry => ({
  seq: number(row, 'seq'),
  at: number(row, 'at'),
  who: text(row, 'who'),
  what: text(row, 'what'),
  ...(row['detail'] === null ? {} : { detail: JSON.parse(text(row, 'detail')) as Record<string, unknown> }),
  prev: text(row, 'prev'),
  hash: text(row, 'hash'),
})

const newest = 'SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1'
const headFromRow = (row: Row | undefined): AuditHead =>
  row === undefined ? auditRoot : { seq: number(row, 'seq'), hash: text(row, 'hash') }

/** The audit chain on PostgreSQL. */
export const audit = ({ db }: Pick<PostgresInit, 'db'>) => ({
  readAuditHead: async (): Promise<AuditHead> => headFromRow(await db.get(newest)),

  /** One writer at a time, whatever its process: each needs the hash of the one before it, committed. */
  appendAudit: (event: AuditEvent): Promise<void> =>
    db.transaction(async tx => {
      await lockFor(tx, locks.audit)
      const head = headFromRow(await tx.get(newest))
      const { seq, at, who, what, detail, prev, hash } = nextAuditEntry(head, event)
      const json = detail === undefined ? null : JSON.stringify(detail)
      await tx.run(
        'INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7)',
        seq,
        at,
        who,
        what,
        json,
        prev,
        hash,
      )
    }),

  listAudit: async ({ after = 0, limit }: { after?: number; limit: number }): Promise<AuditEntry[]> =>
    (await db.all('SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2', after, limit)).map(
      entryFromRow,
    ),
})

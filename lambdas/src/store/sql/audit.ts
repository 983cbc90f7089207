import {
  auditRoot,
  nextAuditEntry,
  type AuditEntry,
  type AuditEvent,
  type AuditHead,
} from '@agent-mesh/protocol/audit'
import { number, text, type Row } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import { all, get, run, type Script } from './script.ts'

const entryFromRow = (row: Row): AuditEntry => ({
  seq: number(row, 'seq'),
  at: number(row, 'at'),
  who: text(row, 'who'),
  what: text(row, 'what'),
  ...(row['detail'] === null ? {} : { detail: JSON.parse(text(row, 'detail')) as Record<string, unknown> }),
  prev: text(row, 'prev'),
  hash: text(row, 'hash'),
})

/** In the order of the columns. */
const valuesOf = ({ seq, at, who, what, detail, prev, hash }: AuditEntry) =>
  [seq, at, who, what, detail === undefined ? null : JSON.stringify(detail), prev, hash] as const

function* readAuditHead(): Script<AuditHead> {
  const row = yield* get('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1')
  return row === undefined ? auditRoot : { seq: number(row, 'seq'), hash: text(row, 'hash') }
}

/** The audit chain. Each entry is chained in the transaction of its change, so that none waits. */
export const audit = ({ dialect }: Pick<SqlInit, 'dialect'>) => {
  /**
   * One writer at a time, whatever its process: each needs the hash of the entry before it, committed. This is the last lock
   * that a transaction takes, so that no two wait for each other.
   */
  function* record(...events: AuditEvent[]): Script<void> {
    if (events.length === 0) return
    yield* dialect.lock('audit')
    let head = yield* readAuditHead()
    for (const event of events) {
      const entry = nextAuditEntry(head, event)
      yield* run('INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7)', ...valuesOf(entry))
      head = entry
    }
  }

  return {
    record,
    reads: {
      readAuditHead,
      *listAudit({ after = 0, limit }: { after?: number; limit: number }): Script<AuditEntry[]> {
        const rows = yield* all('SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2', after, limit)
        return rows.map(entryFromRow)
      },
    },
    writes: { appendAudit: (event: AuditEvent): Script<void> => record(event) },
  }
}

export type Audit = ReturnType<typeof audit>

import type { HeadPart } from '../model.ts'
import type { AuditOf } from '../store.ts'
import { partConflict, risingPart } from '../refusals.ts'
import { headPartFromRow } from '../sql/rows.ts'
import type { audit } from './audit.ts'
import type { SqliteInit } from './init.ts'

interface Needs extends SqliteInit {
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** Head parts on SQLite; of writes the caller holds the transaction. */
export const headParts = ({ db, clock, audit }: Needs) => ({
  readPart(name: string): HeadPart | undefined {
    const row = db.get('SELECT * FROM head_parts WHERE name = ?', name)
    return row && headPartFromRow(row)
  },

  readParts: (): HeadPart[] => db.all('SELECT * FROM head_parts ORDER BY name').map(headPartFromRow),

  writePart(
    name: string,
    expected: number,
    document: string,
    next = expected + 1,
    auditOf?: AuditOf<HeadPart>,
  ): HeadPart {
    const part = risingPart({ name, number: next, document, writtenAt: clock.now() }, expected)
    const changed = db.run(
      `INSERT INTO head_parts (name, number, document, written_at) SELECT ?1, ?2, ?3, ?4
       WHERE ?5 = coalesce((SELECT number FROM head_parts WHERE name = ?1), 0)
       ON CONFLICT (name) DO UPDATE SET number = ?2, document = ?3, written_at = ?4`,
      name,
      part.number,
      document,
      part.writtenAt,
      expected,
    )
    if (changed !== 1) throw partConflict(part, this.readPart(name)?.number ?? 0)
    if (auditOf !== undefined) audit.record(auditOf(part))
    return part
  },
})

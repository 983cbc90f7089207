import type { HeadPart } from '../parts/head-parts.ts'
import { partConflict, risingPart } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { Audit } from './audit.ts'
import { number, text, type Row } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import { all, get, run, type Script } from './script.ts'

const fromRow = (row: Row): HeadPart => ({
  name: text(row, 'name'),
  number: number(row, 'number'),
  document: text(row, 'document'),
  writtenAt: number(row, 'written_at'),
})

/** @returns whether `expected` was stored */
function* replace({ name, number, document, writtenAt }: HeadPart, expected: number): Script<boolean> {
  const values = [name, number, document, writtenAt] as const
  const changed =
    expected === 0
      ? yield* run('INSERT INTO head_parts VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', ...values)
      : yield* run(
          'UPDATE head_parts SET number = $2, document = $3, written_at = $4 WHERE name = $1 AND number = $5',
          ...values,
          expected,
        )
  return changed === 1
}

/** Numbered parts of the head. */
export const headParts = ({ clock, dialect, audit }: SqlInit & { audit: Audit }) => ({
  reads: {
    *readPart(name: string): Script<HeadPart | undefined> {
      const row = yield* get('SELECT * FROM head_parts WHERE name = $1', name)
      return row && fromRow(row)
    },

    *readParts(): Script<HeadPart[]> {
      return (yield* all('SELECT * FROM head_parts ORDER BY name')).map(fromRow)
    },
  },

  writes: {
    *writePart(
      name: string,
      expected: number,
      document: string,
      next: number = expected + 1,
      auditOf?: AuditOf<HeadPart>,
    ): Script<HeadPart> {
      const part = risingPart({ name, number: next, document, writtenAt: clock.now() }, expected)
      if (!(yield* replace(part, expected))) {
        const stored = yield* get('SELECT number FROM head_parts WHERE name = $1', name)
        throw partConflict(part, stored === undefined ? 0 : number(stored, 'number'))
      }
      yield* dialect.announce()
      if (auditOf !== undefined) yield* audit.record(auditOf(part))
      return part
    },
  },
})

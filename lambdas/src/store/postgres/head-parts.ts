import type { HeadPart } from '../model.ts'
import { partConflict, risingPart } from '../refusals.ts'
import { number } from '../sql/columns.ts'
import { headPartFromRow } from '../sql/rows.ts'
import type { AuditOf } from '../store.ts'
import type { audit } from './audit.ts'
import type { PostgresInit } from './init.ts'

interface Needs extends PostgresInit {
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** Head parts on PostgreSQL. */
export const headParts = ({ db, clock, audit }: Needs) => ({
  async readPart(name: string): Promise<HeadPart | undefined> {
    const row = await db.get('SELECT * FROM head_parts WHERE name = $1', name)
    return row && headPartFromRow(row)
  },

  readParts: async (): Promise<HeadPart[]> =>
    (await db.all('SELECT * FROM head_parts ORDER BY name')).map(headPartFromRow),

  async writePart(
    name: string,
    expected: number,
    document: string,
    next = expected + 1,
    auditOf?: AuditOf<HeadPart>,
  ): Promise<HeadPart> {
    const part = risingPart({ name, number: next, document, writtenAt: clock.now() }, expected)
    return db.transaction(async tx => {
      const values = [name, part.number, document, part.writtenAt] as const
      const changed =
        expected === 0
          ? await tx.run('INSERT INTO head_parts VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', ...values)
          : await tx.run(
              'UPDATE head_parts SET number = $2, document = $3, written_at = $4 WHERE name = $1 AND number = $5',
              ...values,
              expected,
            )
      if (changed === 1) {
        await db.notify(tx)
        if (auditOf !== undefined) await audit.record(tx, auditOf(part))
        return part
      }
      const stored = await tx.get('SELECT number FROM head_parts WHERE name = $1', name)
      throw partConflict(part, stored === undefined ? 0 : number(stored, 'number'))
    })
  },
})

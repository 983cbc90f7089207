import { checkSerial, full, lapsed } from '../refusals.ts'
import { number, type Row } from '../sql/columns.ts'
import { enrolmentFromRow, type EnrolmentRow } from '../sql/enrolment-row.ts'
import type { Sql } from './database.ts'
import type { PostgresInit } from './init.ts'

/** Reads of enrolments, and the count of members that `maxMembers` bounds. */
export const enrolmentRows = ({ db, clock, maxMembers }: PostgresInit) => ({
  async find(peerId: string): Promise<EnrolmentRow | undefined> {
    return this.living(await db.get('SELECT * FROM enrolments WHERE peer_id = $1', peerId))
  },

  async findBy(by: { serial: string } | { name: string }): Promise<EnrolmentRow | undefined> {
    const where =
      'serial' in by
        ? db.get('SELECT * FROM enrolments WHERE serial = $1', by.serial)
        : db.get(
            'SELECT e.* FROM names n JOIN enrolments e ON e.peer_id = n.peer_id WHERE n.name = $1',
            by.name,
          )
    return this.living(await where)
  },

  /** Others wait for the transaction before they change it. */
  async lock(tx: Sql, peerId: string): Promise<EnrolmentRow | undefined> {
    return this.living(await tx.get('SELECT * FROM enrolments WHERE peer_id = $1 FOR UPDATE', peerId))
  },

  /** @throws MeshError not_found, revoked, conflict */
  async valid(tx: Sql, of: { peerId: string; serial: string }, action: string): Promise<EnrolmentRow> {
    return checkSerial(await this.lock(tx, of.peerId), of, action)
  },

  living(row: Row | undefined): EnrolmentRow | undefined {
    const found = row && enrolmentFromRow(row)
    return found === undefined || lapsed(found, clock.now()) ? undefined : found
  },

  async count(sql: Pick<Sql, 'get'> = db): Promise<number> {
    return number((await sql.get('SELECT count(*) AS n FROM enrolments WHERE counted')) ?? {}, 'n')
  },

  /** The caller holds the lock of enrolments. @throws MeshError mesh_full */
  async checkRoom(tx: Sql, action: string): Promise<void> {
    if ((await this.count(tx)) >= maxMembers) throw full(action, maxMembers)
  },

  async setCounted(tx: Sql, peerId: string, counted: boolean): Promise<void> {
    await tx.run('UPDATE enrolments SET counted = $1 WHERE peer_id = $2', counted, peerId)
  },
})

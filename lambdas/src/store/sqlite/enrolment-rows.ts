import { checkSerial, full, lapsed } from '../refusals.ts'
import { number, text } from '../sql/columns.ts'
import { enrolmentFromRow, type EnrolmentRow } from '../sql/enrolment-row.ts'
import type { SqliteInit } from './init.ts'

/** Reads of enrolments, and the count of members that `maxMembers` bounds. */
export const enrolmentRows = ({ db, clock, maxMembers }: SqliteInit) => ({
  find(peerId: string): EnrolmentRow | undefined {
    const row = db.get('SELECT * FROM enrolments WHERE peer_id = ?', peerId)
    if (row === undefined) return undefined
    const found = enrolmentFromRow(row)
    return lapsed(found, clock.now()) ? undefined : found
  },

  findBy(by: { serial: string } | { name: string }): EnrolmentRow | undefined {
    const row =
      'serial' in by
        ? db.get('SELECT peer_id FROM enrolments WHERE serial = ?', by.serial)
        : db.get('SELECT peer_id FROM names WHERE name = ?', by.name)
    return row && this.find(text(row, 'peer_id'))
  },

  /** @throws MeshError not_found, revoked, conflict */
  valid(of: { peerId: string; serial: string }, action: string): EnrolmentRow {
    return checkSerial(this.find(of.peerId), of, action)
  },

  count: (): number => number(db.get('SELECT count(*) AS n FROM enrolments WHERE counted = 1') ?? {}, 'n'),

  /** @throws MeshError mesh_full */
  checkRoom(action: string): void {
    if (this.count() >= maxMembers) throw full(action, maxMembers)
  },

  setCounted(peerId: string, counted: boolean): void {
    db.run('UPDATE enrolments SET counted = ? WHERE peer_id = ?', counted ? 1 : 0, peerId)
  },
})

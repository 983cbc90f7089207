import type { Enrolment, MapWrite, NewRecord } from '../model.ts'
import { pacedAfter } from '../record-pace.ts'
import { beatsStored, notInMap } from '../refusals.ts'
import type { AuditOf } from '../store.ts'
import { list, number, text, type Row } from '../sql/columns.ts'
import type { EnrolmentRow } from '../sql/enrolment-row.ts'
import { remembered } from '../sql/member-rows.ts'
import type { audit } from './audit.ts'
import type { enrolmentRows } from './enrolment-rows.ts'
import type { SqliteInit } from './init.ts'
import type { mapLog } from './map-log.ts'

interface Needs extends SqliteInit {
  rows: ReturnType<typeof enrolmentRows>
  log: ReturnType<typeof mapLog>
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** Writes pairs and tombstones: number, log row and service index in the caller's transaction. */
const pairWriter = ({ db, clock, log }: Omit<Needs, 'rows' | 'audit'>) => {
  const indexServices = (shard: number, peerId: string, before: string[], after: string[]): void => {
    for (const service of before)
      if (!after.includes(service))
        db.run('DELETE FROM services WHERE service = ? AND shard = ? AND peer_id = ?', service, shard, peerId)
    for (const service of after)
      if (!before.includes(service))
        db.run('INSERT OR IGNORE INTO services VALUES (?, ?, ?)', service, shard, peerId)
  }

  const write = ({ shard }: EnrolmentRow, put: NewRecord, stored: Row | undefined): MapWrite => {
    const pacedUntil = pacedAfter(stored === undefined ? 0 : number(stored, 'paced_until'), clock.now())
    const v = log.append(shard, put.peerId, null)
    db.run(
      'INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      put.peerId,
      shard,
      v,
      put.incarnation,
      put.serial,
      put.record,
      JSON.stringify(put.services),
      put.region ?? null,
      clock.now(),
      pacedUntil,
    )
    indexServices(shard, put.peerId, stored === undefined ? [] : list(stored, 'services'), put.services)
    return { written: true, shard, v }
  }

  const remove = (peerId: string, shard: number, row: Row): MapWrite => {
    const v = log.append(shard, peerId, text(row, 'serial'))
    indexServices(shard, peerId, list(row, 'services'), [])
    db.run(
      `UPDATE members SET v = ?, record = NULL, services = '[]', updated_at = ? WHERE peer_id = ?`,
      v,
      clock.now(),
      peerId,
    )
    return { written: true, shard, v }
  }

  return { write, remove }
}

/** The numbered map on SQLite; of writes the caller holds the transaction. */
export const directory = ({ rows, audit, ...init }: Needs) => {
  const { db, clock, log } = init
  const { write, remove } = pairWriter(init)
  const find = (peerId: string): Row | undefined =>
    remembered(db.get('SELECT * FROM members WHERE peer_id = ?', peerId), clock.now())

  return {
    putMember(put: NewRecord): MapWrite {
      const enrolment = rows.valid(put, 'publish record')
      const stored = find(put.peerId)
      if (stored !== undefined) {
        const incarnation = number(stored, 'incarnation')
        if (!beatsStored(put, { incarnation, record: stored['record'] }))
          return { written: false, shard: enrolment.shard, v: number(stored, 'v') }
      }
      if (!enrolment.counted) {
        rows.checkRoom('publish record')
        rows.setCounted(put.peerId, true)
      }
      return write(enrolment, put, stored)
    },

    removeMember(peerId: string, serial: string, auditOf?: AuditOf<MapWrite>): MapWrite {
      const enrolment = rows.valid({ peerId, serial }, 'remove member')
      const row = find(peerId)
      if (row === undefined || row['record'] === null) throw notInMap(peerId)
      rows.setCounted(peerId, false)
      const written = remove(peerId, enrolment.shard, row)
      if (auditOf !== undefined) audit.record(auditOf(written))
      return written
    },

    /** A change of the pair's credential, told to all under a number of its own. */
    renumber({ peerId, shard }: Pick<EnrolmentRow, 'peerId' | 'shard'>): void {
      const row = find(peerId)
      if (row === undefined || row['record'] === null) return
      db.run('UPDATE members SET v = ? WHERE peer_id = ?', log.append(shard, peerId, null), peerId)
    },

    /** For revocation and re-enrolment: whatever pair there is goes. */
    removeIfPresent({ peerId, shard }: Pick<Enrolment, 'peerId'> & { shard: number }): void {
      const row = find(peerId)
      if (row !== undefined && row['record'] !== null) remove(peerId, shard, row)
    },
  }
}

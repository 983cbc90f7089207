import type { MapWrite, NewRecord } from '../model.ts'
import { pacedAfter } from '../record-pace.ts'
import { beatsStored, notInMap } from '../refusals.ts'
import type { AuditOf } from '../store.ts'
import { list, number, text, type Row } from '../sql/columns.ts'
import type { EnrolmentRow } from '../sql/enrolment-row.ts'
import { remembered } from '../sql/member-rows.ts'
import type { audit } from './audit.ts'
import type { Sql } from './database.ts'
import type { enrolmentRows } from './enrolment-rows.ts'
import type { PostgresInit } from './init.ts'
import { lockFor, locks } from './locks.ts'
import type { mapLog } from './map-log.ts'

interface Needs extends PostgresInit {
  rows: ReturnType<typeof enrolmentRows>
  log: ReturnType<typeof mapLog>
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

type Place = Pick<EnrolmentRow, 'peerId' | 'shard'>

const putPair = `INSERT INTO members VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (peer_id) DO UPDATE SET
  (shard, v, incarnation, serial, record, services, region, updated_at, paced_until) = ($2, $3, $4, $5, $6, $7, $8, $9, $10)`

/** Writes pairs and tombstones: number, log row and service index in the caller's transaction. */
const pairWriter = ({ clock, log }: Omit<Needs, 'rows' | 'audit'>) => {
  const indexServices = async (tx: Sql, { peerId, shard }: Place, before: string[], after: string[]) => {
    const gone = before.filter(service => !after.includes(service))
    const come = after.filter(service => !before.includes(service))
    if (gone.length > 0)
      await tx.run(
        'DELETE FROM services WHERE service = ANY($1) AND shard = $2 AND peer_id = $3',
        gone,
        shard,
        peerId,
      )
    if (come.length > 0)
      await tx.run(
        'INSERT INTO services SELECT s, $2, $3 FROM unnest($1::text[]) AS s ON CONFLICT DO NOTHING',
        come,
        shard,
        peerId,
      )
  }

  const write = async (
    tx: Sql,
    { shard }: Place,
    put: NewRecord,
    stored: Row | undefined,
  ): Promise<MapWrite> => {
    const pacedUntil = pacedAfter(stored === undefined ? 0 : number(stored, 'paced_until'), clock.now())
    const v = await log.append(tx, shard, put.peerId, null)
    await tx.run(
      putPair,
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
    const before = stored === undefined ? [] : list(stored, 'services')
    await indexServices(tx, { peerId: put.peerId, shard }, before, put.services)
    return { written: true, shard, v }
  }

  const remove = async (tx: Sql, place: Place, row: Row): Promise<MapWrite> => {
    const { peerId, shard } = place
    const v = await log.append(tx, shard, peerId, text(row, 'serial'))
    await indexServices(tx, place, list(row, 'services'), [])
    await tx.run(
      `UPDATE members SET v = $1, record = NULL, services = '[]', updated_at = $2 WHERE peer_id = $3`,
      v,
      clock.now(),
      peerId,
    )
    return { written: true, shard, v }
  }

  return { write, remove }
}

/** The numbered map on PostgreSQL; of writes the caller holds the transaction. */
export const directory = ({ rows, audit, ...init }: Needs) => {
  const { db, clock, log } = init
  const { write, remove } = pairWriter(init)
  const find = async (tx: Sql, peerId: string): Promise<Row | undefined> =>
    remembered(await tx.get('SELECT * FROM members WHERE peer_id = $1', peerId), clock.now())

  /** Undefined when the lock of enrolments is needed first: taken in another order, two would wait for each other. */
  const put = async (tx: Sql, record: NewRecord, locked: boolean): Promise<MapWrite | undefined> => {
    if (locked) await lockFor(tx, locks.enrolment)
    const enrolment = await rows.valid(tx, record, 'publish record')
    const stored = await find(tx, record.peerId)
    if (stored !== undefined) {
      const incarnation = number(stored, 'incarnation')
      if (!beatsStored(record, { incarnation, record: stored['record'] }))
        return { written: false, shard: enrolment.shard, v: number(stored, 'v') }
    }
    if (!enrolment.counted) {
      if (!locked) return undefined
      await rows.checkRoom(tx, 'publish record')
      await rows.setCounted(tx, record.peerId, true)
    }
    return write(tx, enrolment, record, stored)
  }

  return {
    async putMember(record: NewRecord): Promise<MapWrite> {
      const written = await db.transaction(tx => put(tx, record, false))
      if (written !== undefined) return written
      return (await db.transaction(tx => put(tx, record, true))) as MapWrite
    },

    removeMember: (peerId: string, serial: string, auditOf?: AuditOf<MapWrite>): Promise<MapWrite> =>
      db.transaction(async tx => {
        const enrolment = await rows.valid(tx, { peerId, serial }, 'remove member')
        const row = await find(tx, peerId)
        if (row === undefined || row['record'] === null) throw notInMap(peerId)
        await rows.setCounted(tx, peerId, false)
        const written = await remove(tx, enrolment, row)
        if (auditOf !== undefined) await audit.record(tx, auditOf(written))
        return written
      }),

    /** A change of the pair's credential, told to all under a number of its own. */
    async renumber(tx: Sql, { peerId, shard }: Place): Promise<void> {
      const row = await find(tx, peerId)
      if (row === undefined || row['record'] === null) return
      const v = await log.append(tx, shard, peerId, null)
      await tx.run('UPDATE members SET v = $1 WHERE peer_id = $2', v, peerId)
    },

    /** For revocation and re-enrolment: whatever pair there is goes. */
    async removeIfPresent(tx: Sql, place: Place): Promise<void> {
      const row = await find(tx, place.peerId)
      if (row !== undefined && row['record'] !== null) await remove(tx, place, row)
    },
  }
}

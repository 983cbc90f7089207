import type { MapWrite, NewRecord } from '../parts/directory.ts'
import { pacedAfter } from '../record-pace.ts'
import { list, number, text, type Row } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import type { Place } from './enrolment-rows.ts'
import type { MapLog } from './map-log.ts'
import { remembered } from './member-rows.ts'
import { get, run, type Script } from './script.ts'

const putPair = `
  INSERT INTO members VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (peer_id) DO UPDATE SET
  (shard, v, incarnation, serial, record, services, region, updated_at, paced_until)
    = ($2, $3, $4, $5, $6, $7, $8, $9, $10)`

const removePair = `
  UPDATE members SET v = $1, record = NULL, services = '[]', updated_at = $2 WHERE peer_id = $3`

/** Writes the index by which providers of a service are found. */
const serviceIndex = ({ dialect }: Pick<SqlInit, 'dialect'>) => {
  const remove = `DELETE FROM services WHERE ${dialect.isOneOf('service', '$1')} AND shard = $2 AND peer_id = $3`
  const add = `
    INSERT INTO services SELECT u.service, $2, $3 FROM ${dialect.elements('$1', 'service')} WHERE true
    ON CONFLICT DO NOTHING`
  return function* ({ shard, peerId }: Place, before: string[], after: string[]): Script<void> {
    const removed = before.filter(service => !after.includes(service))
    const added = after.filter(service => !before.includes(service))
    if (removed.length > 0) yield* run(remove, removed, shard, peerId)
    if (added.length > 0) yield* run(add, added, shard, peerId)
  }
}

/** Writes pairs and tombstones, each with its number, log row and service index. */
export const pairs = ({ clock, dialect, log }: SqlInit & { log: MapLog }) => {
  const index = serviceIndex({ dialect })

  /** A pair or its tombstone. */
  function* find(peerId: string): Script<Row | undefined> {
    return remembered(yield* get('SELECT * FROM members WHERE peer_id = $1', peerId), clock.now())
  }

  function* findPair(peerId: string): Script<Row | undefined> {
    const row = yield* find(peerId)
    return row?.['record'] === null ? undefined : row
  }

  function* remove({ peerId, shard }: Place, row: Row): Script<MapWrite> {
    const v = yield* log.append(shard, peerId, text(row, 'serial'))
    yield* index({ peerId, shard }, list(row, 'services'), [])
    yield* run(removePair, v, clock.now(), peerId)
    return { written: true, shard, v }
  }

  return {
    find,
    findPair,
    remove,

    *write({ shard }: Place, put: NewRecord, stored: Row | undefined): Script<MapWrite> {
      const pacedUntil = pacedAfter(stored === undefined ? 0 : number(stored, 'paced_until'), clock.now())
      const { peerId, incarnation, serial, record, services, region = null } = put
      const v = yield* log.append(shard, peerId, null)
      const keys = JSON.stringify(services)
      const values = [peerId, shard, v, incarnation, serial, record, keys, region] as const
      yield* run(putPair, ...values, clock.now(), pacedUntil)
      yield* index({ peerId, shard }, stored === undefined ? [] : list(stored, 'services'), services)
      return { written: true, shard, v }
    },

    /** For revocation and re-enrolment: a pair that may be there is removed. */
    *removeIfPresent(place: Place): Script<void> {
      const row = yield* findPair(place.peerId)
      if (row !== undefined) yield* remove(place, row)
    },

    /** A change of the pair's credential, which all members read under a number of its own. */
    *renumber({ peerId, shard }: Place): Script<void> {
      if ((yield* findPair(peerId)) === undefined) return
      const v = yield* log.append(shard, peerId, null)
      yield* run('UPDATE members SET v = $1 WHERE peer_id = $2', v, peerId)
    },
  }
}

export type Pairs = ReturnType<typeof pairs>

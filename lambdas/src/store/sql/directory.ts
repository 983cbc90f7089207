import type { MapWrite, NewRecord } from '../parts/directory.ts'
import { beatsStored, notInMap } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { Audit } from './audit.ts'
import { number } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import type { EnrolmentRows } from './enrolment-rows.ts'
import type { Pairs } from './pairs.ts'
import type { Script } from './script.ts'

interface Needs extends Pick<SqlInit, 'dialect'> {
  rows: EnrolmentRows
  pairs: Pairs
  audit: Audit
}

/** Writes of the numbered map. */
export const directory = ({ dialect, rows, pairs, audit }: Needs) => ({
  /**
   * Undefined when the lock of enrolments is needed first: taken in another order, two transactions would wait for each other.
   * @param locked takes that lock
   */
  *putMember(record: NewRecord, locked: boolean): Script<MapWrite | undefined> {
    if (locked) yield* dialect.lock('enrolment')
    const enrolment = yield* rows.valid(record, 'publish record')
    const stored = yield* pairs.find(record.peerId)
    if (stored !== undefined) {
      const incarnation = number(stored, 'incarnation')
      if (!beatsStored(record, { incarnation, record: stored['record'] }))
        return { written: false, shard: enrolment.shard, v: number(stored, 'v') }
    }
    if (!enrolment.counted) {
      if (!locked) return undefined
      yield* rows.checkRoom('publish record')
      yield* rows.setCounted(record.peerId, true)
    }
    return yield* pairs.write(enrolment, record, stored)
  },

  writes: {
    *removeMember(peerId: string, serial: string, auditOf?: AuditOf<MapWrite>): Script<MapWrite> {
      const enrolment = yield* rows.valid({ peerId, serial }, 'remove member')
      const row = yield* pairs.findPair(peerId)
      if (row === undefined) throw notInMap(peerId)
      yield* rows.setCounted(peerId, false)
      const written = yield* pairs.remove(enrolment, row)
      if (auditOf !== undefined) yield* audit.record(auditOf(written))
      return written
    },
  },
})

import { amended } from '../amended.ts'
import type { Amendment, Enrolment } from '../parts/enrolments.ts'
import type { Token } from '../parts/tokens.ts'
import { lapsed, nameTaken } from '../refusals.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { Audit } from './audit.ts'
import type { SqlInit } from './dialect.ts'
import type { EnrolmentEnder } from './ending.ts'
import { enrolmentFromRow, type EnrolmentRow, type EnrolmentRows } from './enrolment-rows.ts'
import type { Names } from './names.ts'
import { all, run, type Script } from './script.ts'

interface Needs extends Pick<SqlInit, 'clock' | 'dialect'> {
  rows: EnrolmentRows
  names: Names
  end: EnrolmentEnder
  audit: Audit
}

/** What admins read and change of enrolments, and how these end. */
export const memberships = ({ clock, dialect, rows, names, end, audit }: Needs) => {
  function* rename({ peerId, name }: EnrolmentRow): Script<void> {
    const holder = yield* names.holderOf(name)
    if (holder !== undefined && holder !== peerId) throw nameTaken('change member', name, holder)
    yield* names.hold(name, peerId)
  }

  return {
    reads: {
      *listEnrolments(shard: number, { after = '', limit }: { after?: string; limit: number }) {
        const sql = 'SELECT * FROM enrolments WHERE shard = $1 AND peer_id > $2 ORDER BY peer_id LIMIT $3'
        const found = (yield* all(sql, shard, after, limit)).map(enrolmentFromRow)
        const next = found.length < limit ? undefined : found.at(-1)?.peerId
        const enrolments = found.filter(each => !lapsed(each, clock.now()))
        return { enrolments, ...(next === undefined ? {} : { next }) }
      },
    },

    writes: {
      *amendEnrolment(amendment: Amendment, auditOf?: AuditOf<Enrolment>): Script<Enrolment> {
        yield* dialect.lock('enrolment')
        const found = yield* rows.valid(amendment, 'change member')
        const next = amended(found, amendment)
        if (next === undefined) return found
        const { peerId, name, tags, region = null } = next
        if (name !== found.name) yield* rename(next)
        const sql = 'UPDATE enrolments SET name = $1, tags = $2, region = $3 WHERE peer_id = $4'
        yield* run(sql, name, JSON.stringify(tags), region, peerId)
        if (auditOf !== undefined) yield* audit.record(auditOf(next))
        return next
      },

      *endEnrolment(peerId: string, serial: string, auditOf?: AuditOf<Enrolment>): Script<Enrolment> {
        yield* dialect.lock('enrolment')
        const found = yield* rows.valid({ peerId, serial }, 'remove member')
        yield* end(found)
        if (auditOf !== undefined) yield* audit.record(auditOf(found))
        return found
      },
    },

    /** Frees the name of a token that replaces, for `peerId`. @returns the enrolment that ended, if one did */
    *freeName(
      { name, replace }: Pick<Token, 'name' | 'replace'>,
      peerId: string,
    ): Script<EnrolmentRow | undefined> {
      if (name === undefined || replace !== true) return undefined
      const holder = yield* names.holderOf(name)
      if (holder === undefined || holder === peerId) return undefined
      const found = yield* rows.lock(holder)
      yield* names.free(name)
      if (found === undefined || found.revokedAt !== undefined) return undefined
      yield* end(found)
      return found
    },
  }
}

export type Memberships = ReturnType<typeof memberships>

import { credentialDays } from '@agent-mesh/protocol/credential'
import { offlineMs, removalPage } from '../../defaults.ts'
import type { Enrolment } from '../parts/enrolments.ts'
import type { AuditOf } from '../parts/audit.ts'
import type { Audit } from './audit.ts'
import type { SqlInit } from './dialect.ts'
import { enrolmentFromRow, type EnrolmentRows } from './enrolment-rows.ts'
import type { Pairs } from './pairs.ts'
import { all, type Script } from './script.ts'

interface Needs extends SqlInit {
  rows: EnrolmentRows
  pairs: Pairs
  audit: Audit
}

/** Members that no lease calls online, and whose last sign of life is older than allowed. */
const selectOffline = ({ greatest, locking }: SqlInit['dialect']): string => `
  SELECT e.* FROM members m JOIN enrolments e ON e.peer_id = m.peer_id
  LEFT JOIN homes h ON h.peer_id = m.peer_id
  LEFT JOIN leases l ON h.up AND l.relay = h.relay AND l.epoch = h.epoch
  LEFT JOIN leases own ON own.relay = m.peer_id
  WHERE m.record IS NOT NULL AND e.revoked_at IS NULL
  AND coalesce(l.expires_at, 0) <= $1 AND coalesce(own.expires_at, 0) <= $1
  AND ${greatest}(m.updated_at, coalesce(h.changed_at, 0), coalesce(l.reported_at, 0), coalesce(own.reported_at, 0),
    e.expires_at - $2) <= CASE WHEN e.ephemeral THEN CAST($3 AS bigint) ELSE CAST($4 AS bigint) END
  LIMIT $5 ${locking('m', 'e')}`

/** Removes those from the map that were offline for too long. */
export const offlineMembers = ({ clock, dialect, rows, pairs, audit }: Needs) => {
  const select = selectOffline(dialect)
  const life = credentialDays.life * 24 * 3600_000
  return {
    writes: {
      *removeOffline(auditOf?: AuditOf<Enrolment>): Script<Enrolment[]> {
        yield* dialect.lock('enrolment')
        const now = clock.now()
        const [ephemeral, usual] = [now - offlineMs.ephemeral, now - offlineMs.usual]
        const found = yield* all(select, now, life, ephemeral, usual, removalPage)
        const removed: Enrolment[] = []
        // In order of shards, as every transaction that changes several: none waits for the other's number.
        const sorted = found.map(enrolmentFromRow).sort((a, b) => a.shard - b.shard)
        for (const { shard, counted: _, ...enrolment } of sorted) {
          yield* pairs.removeIfPresent({ peerId: enrolment.peerId, shard })
          yield* rows.setCounted(enrolment.peerId, false)
          removed.push(enrolment)
        }
        if (auditOf !== undefined) yield* audit.record(...removed.map(auditOf))
        return removed
      },
    },
  }
}

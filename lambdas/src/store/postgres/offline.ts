import { credentialDays } from '@agent-mesh/protocol/credential'
import { offlineMs, removalPage } from '../../defaults.ts'
import type { Enrolment } from '../model.ts'
import type { AuditOf } from '../store.ts'
import { enrolmentFromRow } from '../sql/enrolment-row.ts'
import type { audit } from './audit.ts'
import type { directory } from './directory.ts'
import type { enrolmentRows } from './enrolment-rows.ts'
import type { PostgresInit } from './init.ts'
import { lockFor, locks } from './locks.ts'

interface Needs extends PostgresInit {
  rows: ReturnType<typeof enrolmentRows>
  directory: ReturnType<typeof directory>
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** No lease says that they are there, and no sign of life is younger than allowed. */
const offline = `
  SELECT e.* FROM members m JOIN enrolments e ON e.peer_id = m.peer_id
  LEFT JOIN homes h ON h.peer_id = m.peer_id
  LEFT JOIN leases l ON h.up AND l.relay = h.relay AND l.epoch = h.epoch
  LEFT JOIN leases own ON own.relay = m.peer_id
  WHERE m.record IS NOT NULL AND e.revoked_at IS NULL
  AND coalesce(l.expires_at, 0) <= $1 AND coalesce(own.expires_at, 0) <= $1
  AND greatest(m.updated_at, h.changed_at, l.reported_at, own.reported_at, e.expires_at - $2)
    <= CASE WHEN e.ephemeral THEN $3::bigint ELSE $4::bigint END
  ORDER BY e.shard, e.peer_id LIMIT $5 FOR UPDATE OF m, e`

/** Who was offline for too long. */
export const offlineMembers = ({ db, clock, rows, directory, audit }: Needs) => ({
  removeOffline: (auditOf?: AuditOf<Enrolment>): Promise<Enrolment[]> =>
    db.transaction(async tx => {
      await lockFor(tx, locks.enrolment)
      const now = clock.now()
      const life = credentialDays.life * 24 * 3600_000
      const found = await tx.all(
        offline,
        now,
        life,
        now - offlineMs.ephemeral,
        now - offlineMs.usual,
        removalPage,
      )
      const removed: Enrolment[] = []
      for (const { shard, counted: _, ...enrolment } of found.map(enrolmentFromRow)) {
        await directory.removeIfPresent(tx, { peerId: enrolment.peerId, shard })
        await rows.setCounted(tx, enrolment.peerId, false)
        removed.push(enrolment)
      }
      if (auditOf !== undefined) await audit.record(tx, ...removed.map(auditOf))
      return removed
    }),
})

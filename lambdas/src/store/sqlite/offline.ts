import { credentialDays } from '@agent-mesh/protocol/credential'
import { offlineMs, removalPage } from '../../defaults.ts'
import type { Enrolment } from '../model.ts'
import type { AuditOf } from '../store.ts'
import { enrolmentFromRow } from '../sql/enrolment-row.ts'
import type { audit } from './audit.ts'
import type { directory } from './directory.ts'
import type { enrolmentRows } from './enrolment-rows.ts'
import type { SqliteInit } from './init.ts'

interface Needs extends SqliteInit {
  rows: ReturnType<typeof enrolmentRows>
  directory: ReturnType<typeof directory>
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** No lease says that they are there, and no sign of life is younger than allowed. */
const offline = `
  SELECT e.* FROM members m JOIN enrolments e ON e.peer_id = m.peer_id
  LEFT JOIN homes h ON h.peer_id = m.peer_id
  LEFT JOIN leases l ON h.up = 1 AND l.relay = h.relay AND l.epoch = h.epoch
  LEFT JOIN leases own ON own.relay = m.peer_id
  WHERE m.record IS NOT NULL AND e.revoked_at IS NULL
  AND coalesce(l.expires_at, 0) <= ?1 AND coalesce(own.expires_at, 0) <= ?1
  AND max(m.updated_at, coalesce(h.changed_at, 0), coalesce(l.reported_at, 0), coalesce(own.reported_at, 0),
    e.expires_at - ?2) <= CASE e.ephemeral WHEN 1 THEN ?3 ELSE ?4 END
  LIMIT ?5`

/** Who was offline for too long; the caller holds the transaction. */
export const offlineMembers =
  ({ db, clock, rows, directory, audit }: Needs) =>
  (auditOf?: AuditOf<Enrolment>): Enrolment[] => {
    const now = clock.now()
    const found = db.all(
      offline,
      now,
      credentialDays.life * 24 * 3600_000,
      now - offlineMs.ephemeral,
      now - offlineMs.usual,
      removalPage,
    )
    return found.map(enrolmentFromRow).map(({ shard, counted: _, ...enrolment }) => {
      directory.removeIfPresent({ peerId: enrolment.peerId, shard })
      rows.setCounted(enrolment.peerId, false)
      if (auditOf !== undefined) audit.record(auditOf(enrolment))
      return enrolment
    })
  }

import { leaseMs } from '../../defaults.ts'
import type { Lease, RelayReport } from '../model.ts'
import { placeOf, strayReport } from '../refusals.ts'
import { leaseFromRow } from '../sql/rows.ts'
import type { Sql } from './database.ts'
import type { PostgresInit } from './init.ts'
import { lockFor } from './locks.ts'

/** Sorted, so that two reports of the same agents do not wait for each other. */
const moveIn = (tx: Sql, { relay, epoch, up }: RelayReport, now: number): Promise<number> =>
  tx.run(
    `INSERT INTO homes (peer_id, relay, epoch, home_seq, up, changed_at)
     SELECT DISTINCT ON (e.peer_id) e.peer_id, $1, $2, u.home_seq, true, $5
     FROM unnest($3::text[], $4::bigint[]) AS u (peer_id, home_seq)
     JOIN enrolments e ON e.peer_id = u.peer_id AND e.revoked_at IS NULL ORDER BY e.peer_id, u.home_seq DESC
     ON CONFLICT (peer_id) DO UPDATE SET relay = excluded.relay, epoch = excluded.epoch,
       home_seq = excluded.home_seq, up = true, changed_at = excluded.changed_at
     WHERE excluded.home_seq > homes.home_seq
       OR (excluded.home_seq = homes.home_seq AND homes.relay = excluded.relay)`,
    relay,
    epoch,
    up.map(({ peerId }) => peerId),
    up.map(({ homeSeq }) => homeSeq),
    now,
  )

/** Leases and homes on PostgreSQL. */
export const presence = ({ db, clock }: PostgresInit) => ({
  applyReport: (report: RelayReport): Promise<Lease> =>
    db.transaction(async tx => {
      const { relay, epoch, seq, status, up, down } = report
      const now = clock.now()
      await lockFor(tx, `relay ${relay}`)
      const row = await tx.get('SELECT * FROM leases WHERE relay = $1', relay)
      const stored = row && leaseFromRow(row)
      const place = placeOf(stored, report)
      if (place === 'stray') throw strayReport(report, stored)
      if (place === 'next' && up.length > 0) await moveIn(tx, report, now)
      if (place === 'next' && down.length > 0)
        await tx.run(
          'UPDATE homes SET up = false, changed_at = $3 WHERE peer_id = ANY($1) AND relay = $2',
          down,
          relay,
          now,
        )
      const lease = { relay, epoch, seq, status, reportedAt: now, expiresAt: now + leaseMs }
      await tx.run(
        `INSERT INTO leases VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (relay) DO UPDATE SET
         (epoch, seq, status, reported_at, expires_at) = ($2, $3, $4, $5, $6)`,
        relay,
        epoch,
        seq,
        status,
        now,
        lease.expiresAt,
      )
      return lease
    }),

  readLeases: async (): Promise<Lease[]> =>
    (await db.all('SELECT * FROM leases WHERE expires_at > $1 ORDER BY relay', clock.now())).map(
      leaseFromRow,
    ),
})

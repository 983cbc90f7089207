import { leaseMs } from '../../defaults.ts'
import type { Lease, LeaseReport } from '../model.ts'
import { orderOfReport, strayReport } from '../refusals.ts'
import { leaseFromRow } from './rows.ts'
import { all, get, run, type Script, type SqlInit } from './script.ts'

/** Leases and homes; of writes the caller holds the transaction. */
export const presence = ({ clock, dialect }: SqlInit) => {
  /** Sorted, so that two reports of the same agents do not wait for each other. */
  function* moveIn({ relay, epoch, up }: LeaseReport, now: number): Script<void> {
    yield* run(
      `INSERT INTO homes (peer_id, relay, epoch, home_seq, up, changed_at)
       SELECT e.peer_id, $1, $2, max(u.home_seq), true, CAST($5 AS bigint)
       FROM ${dialect.pairs('$3', '$4', ['peer_id', 'home_seq'])}
       JOIN enrolments e ON e.peer_id = u.peer_id WHERE e.revoked_at IS NULL GROUP BY e.peer_id ORDER BY e.peer_id
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
  }

  function* writeLease({ relay, epoch, seq, status }: LeaseReport, now: number): Script<Lease> {
    const lease = { relay, epoch, seq, status, reportedAt: now, expiresAt: now + leaseMs }
    yield* run(
      `INSERT INTO leases (relay, epoch, seq, status, reported_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (relay) DO UPDATE SET
       (epoch, seq, status, reported_at, expires_at) = ($2, $3, $4, $5, $6)`,
      relay,
      epoch,
      seq,
      status,
      now,
      lease.expiresAt,
    )
    return lease
  }

  return {
    *applyReport(report: LeaseReport): Script<Lease> {
      const { relay, up, down } = report
      const now = clock.now()
      yield* dialect.lock(`relay ${relay}`)
      const row = yield* get('SELECT * FROM leases WHERE relay = $1', relay)
      const stored = row && leaseFromRow(row)
      const place = orderOfReport(stored, report)
      if (place === 'stray') throw strayReport(report, stored)
      if (place === 'next' && up.length > 0) yield* moveIn(report, now)
      if (place === 'next' && down.length > 0)
        yield* run(
          `UPDATE homes SET up = false, changed_at = $3 WHERE ${dialect.isOneOf('peer_id', '$1')} AND relay = $2`,
          down,
          relay,
          now,
        )
      return yield* writeLease(report, now)
    },

    *readLeases(): Script<Lease[]> {
      const rows = yield* all('SELECT * FROM leases WHERE expires_at > $1 ORDER BY relay', clock.now())
      return rows.map(leaseFromRow)
    },
  }
}

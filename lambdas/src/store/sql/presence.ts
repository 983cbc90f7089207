import { leaseMs } from '../../defaults.ts'
import type { Lease, LeaseReport } from '../parts/presence.ts'
import { orderOfReport, strayReport } from '../refusals.ts'
import { number, text, type Row } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import { all, get, run, type Script } from './script.ts'

type Needs = Pick<SqlInit, 'clock' | 'dialect'>

const leaseFromRow = (row: Row): Lease => ({
  relay: text(row, 'relay'),
  epoch: text(row, 'epoch'),
  seq: number(row, 'seq'),
  reportedAt: number(row, 'reported_at'),
  expiresAt: number(row, 'expires_at'),
  status: text(row, 'status'),
})

/** Moves the agents of a report, sorted, so that two reports of the same agents do not wait for each other. */
const homes = ({ dialect }: Pick<Needs, 'dialect'>) => {
  const enter = `
    INSERT INTO homes (peer_id, relay, epoch, home_seq, up, changed_at)
    SELECT e.peer_id, $1, $2, max(u.home_seq), true, CAST($5 AS bigint)
    FROM ${dialect.pairs('$3', '$4', ['peer_id', 'home_seq'])}
    JOIN enrolments e ON e.peer_id = u.peer_id WHERE e.revoked_at IS NULL GROUP BY e.peer_id ORDER BY e.peer_id
    ON CONFLICT (peer_id) DO UPDATE SET relay = excluded.relay, epoch = excluded.epoch,
      home_seq = excluded.home_seq, up = true, changed_at = excluded.changed_at
    WHERE excluded.home_seq > homes.home_seq
      OR (excluded.home_seq = homes.home_seq AND homes.relay = excluded.relay)`
  const leave = `
    UPDATE homes SET up = false, changed_at = $3 WHERE ${dialect.isOneOf('peer_id', '$1')} AND relay = $2`

  return function* ({ relay, epoch, up, down }: LeaseReport, now: number): Script<void> {
    const peerIds = up.map(({ peerId }) => peerId)
    const homeSeqs = up.map(({ homeSeq }) => homeSeq)
    if (up.length > 0) yield* run(enter, relay, epoch, peerIds, homeSeqs, now)
    if (down.length > 0) yield* run(leave, down, relay, now)
  }
}

const putLease = `
  INSERT INTO leases (relay, epoch, seq, status, reported_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (relay) DO UPDATE SET (epoch, seq, status, reported_at, expires_at) = ($2, $3, $4, $5, $6)`

function* writeLease({ relay, epoch, seq, status }: LeaseReport, now: number): Script<Lease> {
  const lease = { relay, epoch, seq, status, reportedAt: now, expiresAt: now + leaseMs }
  yield* run(putLease, relay, epoch, seq, status, now, lease.expiresAt)
  return lease
}

/** Leases and homes. */
export const presence = ({ clock, dialect }: Needs) => {
  const move = homes({ dialect })
  return {
    reads: {
      *readLeases(): Script<Lease[]> {
        const rows = yield* all('SELECT * FROM leases WHERE expires_at > $1 ORDER BY relay', clock.now())
        return rows.map(leaseFromRow)
      },
    },

    /** A lease that a power cut undoes is a conflict for its relay, which then reports everything anew. */
    relaxed: {
      *applyReport(report: LeaseReport): Script<Lease> {
        const now = clock.now()
        yield* dialect.lock(`relay ${report.relay}`)
        const row = yield* get('SELECT * FROM leases WHERE relay = $1', report.relay)
        const stored = row && leaseFromRow(row)
        const place = orderOfReport(stored, report)
        if (place === 'stray') throw strayReport(report, stored)
        if (place === 'next') yield* move(report, now)
        return yield* writeLease(report, now)
      },
    },
  }
}

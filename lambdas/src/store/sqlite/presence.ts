import { leaseMs } from '../../defaults.ts'
import type { Lease, RelayReport } from '../model.ts'
import { placeOf, strayReport } from '../refusals.ts'
import { leaseFromRow } from '../sql/rows.ts'
import type { SqliteInit } from './init.ts'

/** Leases and homes on SQLite; of writes the caller holds the transaction. */
export const presence = ({ db, clock }: SqliteInit) => {
  const moveIn = (relay: string, epoch: string, { peerId, homeSeq }: RelayReport['up'][number]): void => {
    db.run(
      `INSERT INTO homes SELECT e.peer_id, ?2, ?3, ?4, 1, ?5 FROM enrolments e WHERE e.peer_id = ?1 AND e.revoked_at IS NULL
       ON CONFLICT (peer_id) DO UPDATE SET relay = ?2, epoch = ?3, home_seq = ?4, up = 1, changed_at = ?5
       WHERE ?4 > home_seq OR (?4 = home_seq AND relay = ?2)`,
      peerId,
      relay,
      epoch,
      homeSeq,
      clock.now(),
    )
  }

  const writeLease = ({ relay, epoch, seq, status }: RelayReport): Lease => {
    const now = clock.now()
    db.run(
      'INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?)',
      relay,
      epoch,
      seq,
      status,
      now,
      now + leaseMs,
    )
    return { relay, epoch, seq, status, reportedAt: now, expiresAt: now + leaseMs }
  }

  return {
    applyReport(report: RelayReport): Lease {
      const row = db.get('SELECT * FROM leases WHERE relay = ?', report.relay)
      const stored = row && leaseFromRow(row)
      const place = placeOf(stored, report)
      if (place === 'stray') throw strayReport(report, stored)
      if (place === 'next') {
        for (const up of report.up) moveIn(report.relay, report.epoch, up)
        for (const peerId of report.down)
          db.run(
            'UPDATE homes SET up = 0, changed_at = ? WHERE peer_id = ? AND relay = ?',
            clock.now(),
            peerId,
            report.relay,
          )
      }
      return writeLease(report)
    },

    readLeases: (): Lease[] =>
      db.all('SELECT * FROM leases WHERE expires_at > ? ORDER BY relay', clock.now()).map(leaseFromRow),
  }
}

import { healthHistoryTimes, leaseRetentionMs, mapLogRetentionMs, tombstoneMs } from '../../defaults.ts'
import { graceMs } from '../refusals.ts'
import type { AuditOf } from '../store.ts'
import { number, text } from '../sql/columns.ts'
import type { audit } from './audit.ts'
import type { directory } from './directory.ts'
import { enrolmentEnder } from './ending.ts'
import type { SqliteInit } from './init.ts'

interface Needs extends SqliteInit {
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** Nonces and the time of the store on SQLite. */
export const ledger = ({ db, clock, audit }: Needs) => ({
  claimNonce: (nonce: string, expiresAt: number): boolean =>
    db.run(
      `INSERT INTO nonces VALUES (?1, ?2)
       ON CONFLICT (nonce) DO UPDATE SET expires_at = ?2 WHERE expires_at <= ?3`,
      nonce,
      expiresAt,
      clock.now(),
    ) === 1,

  readTimeMark: (): number | undefined => {
    const row = db.get('SELECT at FROM time_mark')
    return row && number(row, 'at')
  },

  /** The caller holds the transaction. */
  writeTimeMark(expected: number | undefined, next: number, auditOf?: AuditOf<void>): boolean {
    const written =
      expected === undefined
        ? db.run('INSERT OR IGNORE INTO time_mark VALUES (1, ?)', next)
        : db.run('UPDATE time_mark SET at = ? WHERE at = ?', next, expected)
    if (written === 1 && auditOf !== undefined) audit.record(auditOf())
    return written === 1
  },
})

interface SweepNeeds extends SqliteInit {
  directory: ReturnType<typeof directory>
}

/** What expired and is made again by itself. The caller holds the transaction. */
export const sweepPassing = ({ db, clock }: SqliteInit): void => {
  const now = clock.now()
  db.run('DELETE FROM leases WHERE expires_at < ?', now - leaseRetentionMs)
  db.run('DELETE FROM nonces WHERE expires_at <= ?', now)
  db.run('DELETE FROM health WHERE at < ?', now - healthHistoryTimes.keptMs)
}

/** What lapsed, is ignored by every read already, and can never be made again. The caller holds the transaction. */
export const sweepLapsed = ({ db, clock, directory }: SweepNeeds): void => {
  const now = clock.now()
  const lapsed = db.all(
    'SELECT peer_id, shard FROM enrolments WHERE revoked_at IS NULL AND expires_at < ? LIMIT 1000',
    now - graceMs,
  )
  const end = enrolmentEnder({ db, directory })
  for (const row of lapsed) end({ peerId: text(row, 'peer_id'), shard: number(row, 'shard') })
  db.run('DELETE FROM map_log WHERE at < ?', now - mapLogRetentionMs)
  db.run('DELETE FROM members WHERE record IS NULL AND updated_at < ?', now - tombstoneMs)
}

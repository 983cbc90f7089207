import { healthHistoryTimes, leaseRetentionMs, mapLogRetentionMs, tombstoneMs } from '../../defaults.ts'
import { graceMs } from '../refusals.ts'
import type { AuditOf } from '../store.ts'
import { number, text } from '../sql/columns.ts'
import type { audit } from './audit.ts'
import type { directory } from './directory.ts'
import type { Sql } from './database.ts'
import { enrolmentEnder } from './ending.ts'
import type { PostgresInit } from './init.ts'
import { lockFor, locks } from './locks.ts'

interface Needs extends PostgresInit {
  audit: Pick<ReturnType<typeof audit>, 'record'>
}

/** Nonces and the time of the store on PostgreSQL. */
export const ledger = ({ db, clock, audit }: Needs) => ({
  claimNonce: async (nonce: string, expiresAt: number): Promise<boolean> =>
    (await db.transaction(tx =>
      tx.run(
        `INSERT INTO nonces AS n VALUES ($1, $2)
         ON CONFLICT (nonce) DO UPDATE SET expires_at = $2 WHERE n.expires_at <= $3`,
        nonce,
        expiresAt,
        clock.now(),
      ),
    )) === 1,

  readTimeMark: async (): Promise<number | undefined> => {
    const row = await db.get('SELECT at FROM time_mark')
    return row && number(row, 'at')
  },

  writeTimeMark: (expected: number | undefined, next: number, auditOf?: AuditOf<void>): Promise<boolean> =>
    db.transaction(async tx => {
      const changed =
        expected === undefined
          ? await tx.run('INSERT INTO time_mark VALUES (1, $1) ON CONFLICT DO NOTHING', next)
          : await tx.run('UPDATE time_mark SET at = $1 WHERE at = $2', next, expected)
      if (changed === 1 && auditOf !== undefined) await audit.record(tx, auditOf())
      return changed === 1
    }),
})

interface SweepNeeds extends PostgresInit {
  directory: ReturnType<typeof directory>
}

/** Removes what expired and is made again by itself. */
const sweepPassing = async (tx: Sql, now: number): Promise<void> => {
  await tx.run('DELETE FROM leases WHERE expires_at < $1', now - leaseRetentionMs)
  await tx.run('DELETE FROM nonces WHERE expires_at <= $1', now)
  await tx.run('DELETE FROM health WHERE at < $1', now - healthHistoryTimes.keptMs)
}

/** Removes what expired and is ignored by every read already; unless told to keep it, also what never comes back. */
export const sweeper =
  ({ db, clock, directory }: SweepNeeds) =>
  ({ keep }: { keep?: 'lapsed' } = {}): Promise<void> =>
    db.transaction(async tx => {
      const now = clock.now()
      await sweepPassing(tx, now)
      if (keep === 'lapsed') return
      await lockFor(tx, locks.enrolment)
      const lapsed = await tx.all(
        `SELECT peer_id, shard FROM enrolments WHERE revoked_at IS NULL AND expires_at < $1
         ORDER BY shard, peer_id LIMIT 1000 FOR UPDATE`,
        now - graceMs,
      )
      const ended = lapsed.map(row => ({ peerId: text(row, 'peer_id'), shard: number(row, 'shard') }))
      await enrolmentEnder(directory)(tx, ended)
      await tx.run('DELETE FROM map_log WHERE at < $1', now - mapLogRetentionMs)
      await tx.run('DELETE FROM members WHERE record IS NULL AND updated_at < $1', now - tombstoneMs)
    })

import {
  healthHistoryTimes,
  leaseRetentionMs,
  mapLogRetentionMs,
  sweepPage,
  tombstoneMs,
} from '../../defaults.ts'
import { graceMs } from '../refusals.ts'
import { number, text } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import type { EnrolmentEnder } from './ending.ts'
import { all, run, type Script } from './script.ts'

/** Removes what expired and is made again by itself. */
function* sweepPassing(now: number): Script<void> {
  yield* run('DELETE FROM leases WHERE expires_at < $1', now - leaseRetentionMs)
  yield* run('DELETE FROM nonces WHERE expires_at <= $1', now)
  yield* run('DELETE FROM health WHERE at < $1', now - healthHistoryTimes.keptMs)
}

/** Removes what expired and is ignored by every read already; unless that is to be kept, also what is never made again. */
export const sweeper = ({
  clock,
  dialect,
  end,
}: Pick<SqlInit, 'clock' | 'dialect'> & { end: EnrolmentEnder }) => {
  const selectLapsed = `
    SELECT peer_id, shard FROM enrolments WHERE revoked_at IS NULL AND expires_at < $1
    ORDER BY shard, peer_id LIMIT ${sweepPage} ${dialect.locking()}`
  return {
    writes: {
      *collectGarbage({ keep }: { keep?: 'lapsed' } = {}): Script<void> {
        const now = clock.now()
        yield* sweepPassing(now)
        if (keep === 'lapsed') return
        yield* dialect.lock('enrolment')
        const lapsed = yield* all(selectLapsed, now - graceMs)
        yield* end(...lapsed.map(row => ({ peerId: text(row, 'peer_id'), shard: number(row, 'shard') })))
        yield* run('DELETE FROM map_log WHERE at < $1', now - mapLogRetentionMs)
        yield* run('DELETE FROM members WHERE record IS NULL AND updated_at < $1', now - tombstoneMs)
      },
    },
  }
}

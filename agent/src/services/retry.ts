import type { MeshError } from '@agent-mesh/protocol'
import { firstPauseMs, maxAttempts, maxOverloadedAttempts, mostPauseMs } from './defaults.ts'

/** Whether a call that ended with `error` on try `attempt` (from 1) is worth another. */
export function worthRetry(error: MeshError, attempt: number, idempotent: boolean): boolean {
  if (error.code === 'overloaded') return attempt < maxOverloadedAttempts
  const safe = error.retriable || (error.code === 'path_lost' && idempotent)
  return safe && attempt < maxAttempts
}

/** ms before try `attempt + 1`: exponential with equal jitter, so that callers of one lost member spread. */
export function retryPause(attempt: number, random: () => number): number {
  const most = Math.min(mostPauseMs, firstPauseMs * 2 ** (attempt - 1))
  return most / 2 + (random() * most) / 2
}

/** One of those not tried yet, at random so that the calls of many spread; of all, when each was tried. */
export function choosePeer(
  peers: readonly string[],
  tried: ReadonlySet<string>,
  random: () => number,
): string | undefined {
  const start = Math.floor(random() * peers.length)
  if (tried.size > 0)
    for (let i = 0; i < peers.length; i++) {
      const peer = peers[(start + i) % peers.length]
      if (peer !== undefined && !tried.has(peer)) return peer
    }
  return peers[start]
}

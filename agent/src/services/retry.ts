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

/**
 * Whom to ask: at random, so that the calls of many spread, among those believed online and not tried yet; then among
 * the others not tried; then among all.
 */
export function choosePeer(
  peers: readonly string[],
  tried: ReadonlySet<string>,
  isOnline: (peerId: string) => boolean,
  random: () => number,
): string | undefined {
  if (peers.length < 2) return peers[0]
  const untried = tried.size === 0 ? peers : peers.filter(peer => !tried.has(peer))
  const online = untried.filter(isOnline)
  const choice = [online, untried, peers].find(({ length }) => length > 0) ?? peers
  return choice[Math.floor(random() * choice.length)]
}

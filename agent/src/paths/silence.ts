/**
 * When a silent path is suspect, and when it is lost: pure arithmetic over times of one monotonic clock, ms. Silence alone
 * proves nothing while the peer owes no answer, so it counts from a moment at which the peer owed an answer.
 */
import { pathDefaults } from './defaults.ts'

export interface Silence {
  /** When bytes last came from the peer, or a full stream took more of ours: slow is not dead. */
  heardAt: number
  /** When this path began to be watched closely: work came onto it, or the own event loop was late. */
  watchedSince: number
  /** Whether own calls wait on it: then it is asked each second, and every byte counts. */
  working: boolean
  /** The first probe after `heardAt`; undefined: none is unanswered. */
  askedAt: number | undefined
  now: number
}

export type Verdict = 'trusted' | 'suspect' | 'lost'

/** How long the peer has owed a sign of life, ms. */
export function silentMs({ heardAt, watchedSince, working, askedAt, now }: Silence): number {
  const since = working ? heardAt : askedAt
  return since === undefined ? 0 : now - Math.max(since, watchedSince)
}

/** @param elsewhere whether another path of this member is suspect: what ends one often ends more, so less is proof enough */
export function verdictOf(silence: Silence, elsewhere = false): Verdict {
  const ms = silentMs(silence)
  if (ms >= pathDefaults.pathLostMs) return 'lost'
  const limit = elsewhere && !silence.working ? pathDefaults.jointSuspectMs : pathDefaults.pathSuspectMs
  return ms >= limit ? 'suspect' : 'trusted'
}

/** Whether the own event loop was late: what looks like the peer's silence may lie unread in the own socket. */
export const wasLate = (sinceLastMs: number): boolean =>
  sinceLastMs > pathDefaults.pathTickMs + pathDefaults.lateMs

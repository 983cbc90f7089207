/** How likely a call goes to one of two providers: pure arithmetic over what the caller knows of them. */
import { balanceDefaults } from './defaults.ts'
import type { Opinion } from './provider.ts'

/** What counts of a provider when it is compared. */
export interface Rival {
  /** Own calls that have not ended. */
  readonly inFlight: number
  opinion(now: number): Opinion
}

/**
 * The probability that a call goes to `a` and not to `b`. The calls in flight are known; the latencies are as sure as the less trusted
 * of the two opinions, and are moved towards their mean by the rest. Callers that always chose the cheaper one would all move together
 * when each calls too rarely to see what the others do: all to the one that was idle, then all to the other ("How useful is old
 * information?", Mitzenmacher 2000).
 */
export function oddsOf(a: Rival, b: Rival, now: number): number {
  const [one, other] = [a.opinion(now), b.opinion(now)]
  if (a.inFlight > 0 && !hasAnswered(one) && hasAnswered(other)) return 0
  if (b.inFlight > 0 && !hasAnswered(other) && hasAnswered(one)) return 1
  const mean = (one.ms + other.ms) / 2 || 1
  const apart = ((one.ms - other.ms) / 2) * Math.min(one.trust, other.trust)
  const ratio = ((mean + apart) * (a.inFlight + 1)) / ((mean - apart) * (b.inFlight + 1))
  return 1 / (1 + ratio ** balanceDefaults.oddsPower)
}

const hasAnswered = ({ ms, estimated = false }: Opinion): boolean => ms > 0 && !estimated

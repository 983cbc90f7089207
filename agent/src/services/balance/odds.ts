/** How likely a call goes to one of two providers: pure arithmetic over what the caller knows of them. */
import { balanceDefaults } from './defaults.ts'

/** What counts of a provider when it is compared. */
export interface Rival {
  /** Own calls that have not ended. */
  readonly inFlight: number
  /** Whether it has answered or failed. */
  isKnown(now: number): boolean
  /** ms that an answer takes. 0: nothing is known. */
  expectedMs(now: number): number
}

/**
 * The probability that a call goes to `a` and not to `b`. Callers that always chose the cheaper one would all move together
 * when each calls too rarely to see what the others do: all to the one that was idle, then all to the other ("How useful is old
 * information?", Mitzenmacher 2000).
 */
export function oddsOf(a: Rival, b: Rival, now: number): number {
  const [isKnown, isOtherKnown] = [a.isKnown(now), b.isKnown(now)]
  if (a.inFlight > 0 && !isKnown && isOtherKnown) return 0
  if (b.inFlight > 0 && !isOtherKnown && isKnown) return 1
  const [one, other] = [a.expectedMs(now), b.expectedMs(now)]
  const anyMs = one || other || 1
  const ratio = ((one || anyMs) * (a.inFlight + 1)) / ((other || anyMs) * (b.inFlight + 1))
  return 1 / (1 + ratio ** balanceDefaults.oddsPower)
}

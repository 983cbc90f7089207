/**
 * The part of the providers that a caller chooses among: it grows with its calls. Each provider that a caller tries for the first time may
 * be a slow one; a thousand callers of few calls that try each provider once keep a slow one overloaded with nothing else (compare
 * subsetting in "Site Reliability Engineering", chapter 20).
 */
import { balanceDefaults } from './defaults.ts'

/** ms to the provider at a place of a list. @returns undefined: not known */
type DistanceAt = (at: number) => number | undefined

export class Subset {
  /** Where it begins in a list, as a share of it: a provider that joins or leaves moves it by one place at most. */
  readonly #start: number
  /** Own calls of late. */
  #recent = 0
  #at = 0
  /** Own calls of the service that have not ended. */
  inFlight = 0

  constructor(random: () => number) {
    this.#start = random()
  }

  /** A call chooses its provider. */
  choosing(now: number): void {
    this.#recent = this.#recent * Math.exp(Math.min(0, this.#at - now) / balanceDefaults.ewmaMs) + 1
    this.#at = now
  }

  /** How many of a list of `size` it holds. */
  count(size: number): number {
    const { subsetLeast, subsetCalls, subsetInFlight } = balanceDefaults
    const count = Math.floor(subsetLeast + this.#recent / subsetCalls + this.inFlight * subsetInFlight)
    return Math.min(size, count)
  }

  /**
   * Its `nth` of `count`, as a place in a list of `size`: from its start on; every second one instead the one `count` places later if that
   * is nearer. The others are as chance has them, so that near providers which have no room are not all that a caller knows.
   */
  place(nth: number, { count, size }: { count: number; size: number }, distanceAt: DistanceAt): number {
    const start = Math.floor(this.#start * size)
    const place = (start + nth) % size
    if (nth % 2 > 0 || nth + count >= size) return place
    const other = (place + count) % size
    return isNearer(distanceAt(other), distanceAt(place)) ? other : place
  }
}

function isNearer(ms: number | undefined, than: number | undefined): boolean {
  if (ms === undefined || than === undefined) return false
  const { nearerMs, nearerFactor } = balanceDefaults
  return than - ms >= nearerMs && than >= ms * nearerFactor
}

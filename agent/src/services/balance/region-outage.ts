/**
 * Whether the own region failed, and how much of its calls it gets: next to nothing while all of its providers fail one after the
 * other and those elsewhere work, and step by step more when it is back. All at once would meet cold caches and empty connection
 * pools, and may end it again. Pure over monotonic milliseconds.
 */
import { balanceDefaults } from './defaults.ts'

export class RegionOutage {
  /** Whether a provider there was ever available: a region without one has no outage. */
  #known = false
  #lostAt: number | undefined
  #backAt: number | undefined
  /** Failures in the own region since the last success there, whichever provider failed. */
  #failures = 0
  /** The last result of a provider elsewhere was a failure: then the own region is no worse. */
  #failsElsewhere = false

  /** Whether calls fail there, provider by provider: breakers need some failures of each. */
  get #fails(): boolean {
    return this.#failures >= balanceDefaults.regionFailures && !this.#failsElsewhere
  }

  /** @param available whether some provider of the own region takes calls now */
  note(available: boolean, now: number): void {
    if (!available || this.#fails) {
      if (this.#known) this.#lostAt ??= now
      return
    }
    this.#known = true
    if (this.#lostAt === undefined) return
    if (now - this.#lostAt >= balanceDefaults.outageMs) this.#backAt = now
    this.#lostAt = undefined
  }

  /** A call succeeded or failed, in the own region or elsewhere. */
  ended(isNear: boolean, ok: boolean): void {
    if (!isNear) this.#failsElsewhere = !ok
    else this.#failures = ok ? 0 : this.#failures + 1
  }

  /** The part of the calls that the own region gets, 0 to 1. */
  share(now: number): number {
    if (this.#fails) return balanceDefaults.leastShare
    if (this.#backAt === undefined) return 1
    const share = (now - this.#backAt) / balanceDefaults.returnMs
    if (share < 1) return Math.max(share, balanceDefaults.leastShare)
    this.#backAt = undefined
    return 1
  }
}

/** How slow a provider is now: pure arithmetic over monotonic milliseconds. */
import { balanceDefaults } from './defaults.ts'

/**
 * Peak-sensitive moving average: a slower answer counts at once, faster ones only little by little, and without answers it fades, so
 * that a provider which was slow is asked again. After the peak EWMA of Finagle (`finagle-core/.../loadbalancer/PeakEwma.scala`).
 */
export class PeakEwma {
  #ms = 0
  #at = 0
  #answers = 0

  /** Whether there was an answer since the start. */
  get known(): boolean {
    return this.#ms > 0
  }

  /** ms, as of the last answer. 0: nothing is known. */
  get last(): number {
    return this.#ms
  }

  /** How much it says of an answer now, 0 to 1: more answers more, old ones less. */
  trust(now: number): number {
    return (this.#answers / (this.#answers + balanceDefaults.trustAnswers)) * this.#left(now)
  }

  /** ms, faded since the last answer. 0: nothing is known. */
  at(now: number): number {
    return this.#ms === 0 ? 0 : this.#ms * this.#left(now)
  }

  /** An answer took `ms`. */
  answered(ms: number, now: number): void {
    const left = this.#left(now)
    this.#answers++
    this.#ms = ms > this.#ms ? ms : this.#ms * left + ms * (1 - left)
    this.#at = now
  }

  /** A try without an answer took `ms`: it counts only where it was slower than the answers. */
  atLeast(ms: number, now: number): void {
    if (ms > this.at(now)) this.answered(ms, now)
  }

  /** Discards the past: the provider may have restarted. */
  restart(ms: number, now: number): void {
    this.#ms = ms
    this.#at = now
    this.#answers = 1
  }

  /** Share of the past that still counts. */
  #left(now: number): number {
    return Math.exp(Math.min(0, this.#at - now) / balanceDefaults.ewmaMs)
  }
}

/** How many tries beyond the first the calls of one agent may make together: pure arithmetic over monotonic ms. */

/** Tries that one call earns: in an outage, all tries stay below 1.25 for each call. */
const retryShare = 0.2
/** ms after which 1/e is left of what calls earned: it is meant for a broken path of now, not for the next outage. */
const memoryMs = 1_000
/** ms. Fading in steps of this is exact enough, and spares most calls the arithmetic. */
const fadeMs = 1
/** Tries of an agent whose calls earned none, a count. Refilled by time, up to the last answer only. */
const reserve = 10
const reservePerSecond = 10
/** ms. While nothing answers and nothing is left, one try in this time finds out whether that is still so. */
const probeMs = 2_000

/**
 * A fifth of the calls, and ten a second while anything answers, so that those who suffer an outage do not make it worse: in
 * one of more than 10 s all tries stay below 1.25 for each call. A try that brings its call to an answer is given back.
 * After the RetryBudget of Finagle (`finagle-core/.../service/RetryBudget.scala`), with a shorter memory.
 */
export class RetryBudget {
  readonly #share: number
  #earned = 0
  #earnedAt: number
  #reserve = reserve
  #answeredAt: number
  #tookAt: number

  /** @param share tries that one call earns, 0 to 1 */
  constructor(now: number, share = retryShare) {
    this.#share = share
    this.#earnedAt = this.#answeredAt = this.#tookAt = now
  }

  /** A call begins. */
  called(now: number): void {
    this.#fade(now)
    this.#earned += this.#share
  }

  /** A handler answered, be it with a failure of its own. */
  answered(now: number): void {
    const refill = ((now - this.#answeredAt) / 1_000) * reservePerSecond
    this.#reserve = Math.min(reserve, this.#reserve + refill)
    this.#answeredAt = now
  }

  /** Takes one try. @returns false: none is left now */
  take(now: number): boolean {
    this.#fade(now)
    if (this.#earned >= 1) this.#earned--
    else if (this.#reserve >= 1) this.#reserve--
    else if (now - this.#tookAt < probeMs) return false
    this.#tookAt = now
    return true
  }

  /** The try that was taken brought an answer. */
  giveBack(now: number): void {
    this.#fade(now)
    this.#earned++
  }

  #fade(now: number): void {
    if (now - this.#earnedAt < fadeMs) return
    this.#earned *= Math.exp((this.#earnedAt - now) / memoryMs)
    this.#earnedAt = now
  }
}

/** Bytes within a day that begins with the first of them. */
const dayMs = 24 * 3600_000

export class DayBudget {
  readonly #bytes: number
  #since = Number.NEGATIVE_INFINITY
  #spent = 0

  /** @param bytes 0: no limit */
  constructor(bytes: number) {
    this.#bytes = bytes
  }

  spend(bytes: number, now: number): void {
    if (this.over(now)) {
      this.#since = now
      this.#spent = 0
    }
    this.#spent += bytes
  }

  exhausted(now: number): boolean {
    return this.#bytes > 0 && this.#spent >= this.#bytes && !this.over(now)
  }

  /** Whether its day is over, so that nothing is spent. */
  over(now: number): boolean {
    return now - this.#since >= dayMs
  }
}

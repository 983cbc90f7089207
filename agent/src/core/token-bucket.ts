/** A rate with a burst, as arithmetic on numbers: the caller passes the time. Debt is allowed; the caller waits until it is paid. */
export class TokenBucket {
  readonly #rate: number
  readonly #burst: number
  #tokens: number
  #at: number

  /** @param perSecond tokens; 0: no limit. @param now milliseconds, monotonic */
  constructor(perSecond: number, burst: number, now: number) {
    this.#rate = perSecond / 1000
    this.#burst = burst
    this.#tokens = burst
    this.#at = now
  }

  take(count: number, now: number): void {
    if (this.#rate === 0) return
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#rate) - count
    this.#at = now
  }

  /** Milliseconds until it is out of debt; 0: now. */
  wait(now: number): number {
    if (this.#rate === 0) return 0
    const tokens = this.#tokens + (now - this.#at) * this.#rate
    return tokens >= 0 ? 0 : -tokens / this.#rate
  }
}

/** The mean share of a limit that is in use, over time. Pure arithmetic: times are passed in, monotonic ms. */
export class UseMeter {
  #since: number
  #at: number
  #share = 0
  /** Share times ms. */
  #sum = 0

  constructor(now: number) {
    this.#since = now
    this.#at = now
  }

  /** From now on this share is in use, 0 to 1. */
  note(share: number, now: number): void {
    if (now > this.#at) {
      this.#sum += this.#share * (now - this.#at)
      this.#at = now
    }
    this.#share = share
  }

  /** @returns the mean since the last time it was taken, 0 to 1 */
  take(now: number): number {
    this.note(this.#share, now)
    const ms = now - this.#since
    const mean = ms > 0 ? this.#sum / ms : this.#share
    this.#since = now
    this.#sum = 0
    return mean
  }
}

/**
 * Bytes a ms that a path carries, by the parts that were acknowledged: the delivery rate of BBR (draft-ietf-ccwg-bbr, section 4.1).
 * While own parts make a queue, the path is what limits them, and the rate is its own. Without a queue it carries at least as much.
 */
import { rateDefaults } from './defaults.ts'

export class PathRate {
  #bytesPerMs = Infinity
  #known = false

  /** Bytes a ms; Infinity while it is not known. */
  get bytesPerMs(): number {
    return this.#bytesPerMs
  }

  /** So many bytes were acknowledged within so many ms; the queue before them delayed them by `queueMs`. */
  delivered(bytes: number, ms: number, queueMs: number): void {
    if (ms <= 0) return
    const rate = bytes / ms
    if (queueMs >= rateDefaults.queueMs)
      this.#bytesPerMs = this.#known ? this.#bytesPerMs + (rate - this.#bytesPerMs) * rateDefaults.gain : rate
    else if (this.#known && rate > this.#bytesPerMs) this.#bytesPerMs = rate
    this.#known = this.#bytesPerMs !== Infinity
  }
}

/** The p99 of calls, window by window: pure over monotonic ms. Calls turn the windows, no timer does. */
import { tuningDefaults } from './defaults.ts'

/** ms. The first bucket ends here, each other one 2 % higher: the last begins at 60 s. */
const firstMs = 0.05
const growth = 1.02
const buckets = 708
const perLog = 1 / Math.log(growth)

export interface LatencyWindow {
  readonly p99Ms: number
  readonly calls: number
  /** Monotonic ms of its end, and how long it was. */
  readonly endedAt: number
  readonly ms: number
}

export class LatencyWindows {
  readonly #counts = new Uint32Array(buckets)
  #calls = 0
  #beganAt: number

  constructor(now: number) {
    this.#beganAt = now
  }

  /** A call took so many ms. @returns the window that ended before it, when it had enough calls and no rest */
  add(ms: number, now: number): LatencyWindow | undefined {
    const ended = now - this.#beganAt >= tuningDefaults.windowMs ? this.#end(now) : undefined
    const bucket = Math.ceil(Math.log(ms / firstMs) * perLog)
    this.#counts[Math.min(Math.max(bucket, 0), buckets - 1)]!++
    this.#calls++
    return ended
  }

  #end(now: number): LatencyWindow | undefined {
    const window = { p99Ms: this.#p99(), calls: this.#calls, endedAt: now, ms: now - this.#beganAt }
    this.#counts.fill(0)
    this.#calls = 0
    this.#beganAt = now
    const counts = window.calls >= tuningDefaults.leastCalls && window.ms <= tuningDefaults.mostWindowMs
    return counts ? window : undefined
  }

  /** Up to 2 % too long. */
  #p99(): number {
    let left = this.#calls * 0.99
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0 && count > 0) return firstMs * growth ** bucket
    }
    return 0
  }
}

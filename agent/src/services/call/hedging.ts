/**
 * When a call is sent a second time, elsewhere, although its first try may still be answered: after the time within which 95 % of the
 * calls of its method were answered, and within a budget. After "The Tail at Scale" (Dean and Barroso 2013).
 */
import { startTimer, type StartTimer } from '@agent-mesh/protocol/timers'
import { LatencySketch } from './latency-sketch.ts'

/** True: after the 95th percentile of the method; or after so many ms. */
export type HedgeWish = true | { readonly afterMs: number }

/** `won`: the second try answered first; `lost`: it did not; `denied`: the budget was used up. */
export type HedgeResult = 'won' | 'lost' | 'denied'

const share = 0.95
/** Answers after which the 95th percentile says something: one of them is beyond it. */
const enough = 20
/** Second tries that may follow each other at once, a count. */
const mostSaved = 10
/** Methods whose latencies are kept, a count: 0.5 KB each. */
const methods = 256

export class Hedging {
  readonly #budget: number
  readonly #startTimer: StartTimer
  readonly #sketches = new Map<string, LatencySketch>()
  readonly #results: Record<HedgeResult, number> = { won: 0, lost: 0, denied: 0 }
  #saved = 0

  /** @param budget second tries for each call that may have one, 0 to 1 */
  constructor(budget: number, start: StartTimer = startTimer) {
    this.#budget = budget
    this.#startTimer = start
  }

  /** How the second tries ended, since the start. */
  get results(): Readonly<Record<HedgeResult, number>> {
    return this.#results
  }

  /**
   * A call that may be hedged was sent: `hedge` is called once when its answer takes long and the budget allows it.
   * @returns to be called when the call has ended; `isOk` whether it was answered
   */
  sent(method: string, wish: HedgeWish, hedge: () => void): (isOk: boolean, ms: number) => void {
    const sketch = this.#sketch(method)
    this.#saved = Math.min(mostSaved, this.#saved + this.#budget)
    const afterMs = wish === true ? sketch.quantile(share) : wish.afterMs
    const known = wish !== true || sketch.size >= enough
    const timer = known ? this.#startTimer(afterMs, () => this.#take() && hedge()) : undefined
    return (isOk, ms) => {
      timer?.cancel()
      if (isOk) sketch.add(ms)
    }
  }

  /** A second try has ended, or was not the one that answered. */
  ended(result: 'won' | 'lost'): void {
    this.#results[result]++
  }

  #take(): boolean {
    if (this.#saved < 1) {
      this.#results.denied++
      return false
    }
    this.#saved--
    return true
  }

  #sketch(method: string): LatencySketch {
    const known = this.#sketches.get(method)
    if (known !== undefined) return known
    const [oldest] = this.#sketches.keys()
    if (oldest !== undefined && this.#sketches.size >= methods) this.#sketches.delete(oldest)
    const made = new LatencySketch()
    this.#sketches.set(method, made)
    return made
  }
}

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

/** When a call with `hedge: true` is sent again: after this share of the answers to its method, or after so many ms. */
export type HedgeDelay = { readonly share: number } | { readonly ms: number }

/** Hedged calls are those beyond it: as many as the default budget allows. */
export const defaultHedgeDelay = { share: 0.95 } as const
/** Answers after which the 95th percentile says something: one of them is beyond it. */
const enough = 20
/** Second tries that may follow each other at once, a count. */
const mostSaved = 10
/** Methods whose latencies are kept, a count: 0.5 KB each. */
const methods = 256

export class Hedging {
  /** Second tries for each call that may have one. */
  readonly budget: number
  /** Of calls whose options name no time. */
  delay: HedgeDelay = defaultHedgeDelay
  readonly #startTimer: StartTimer
  readonly #onUsed: () => void
  readonly #sketches = new Map<string, LatencySketch>()
  readonly #results: Record<HedgeResult, number> = { won: 0, lost: 0, denied: 0 }
  #saved = 0

  /**
   * @param budget second tries for each call that may have one, 0 to 1
   * @param onUsed the first call of a method asks for it
   */
  constructor(budget: number, start: StartTimer = startTimer, onUsed: () => void = () => undefined) {
    this.budget = budget
    this.#startTimer = start
    this.#onUsed = onUsed
  }

  /** The latencies of the methods whose calls ask for it. */
  get latencies(): Iterable<LatencySketch> {
    return this.#sketches.values()
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
    this.#saved = Math.min(mostSaved, this.#saved + this.budget)
    const delay = wish === true ? this.delay : { ms: wish.afterMs }
    const afterMs = 'ms' in delay ? delay.ms : sketch.quantile(delay.share)
    const known = 'ms' in delay || sketch.size >= enough
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
    this.#onUsed()
    return made
  }
}

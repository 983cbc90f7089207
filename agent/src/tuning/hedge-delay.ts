/**
 * When a call with `hedge: true` is sent again. The default, after 95 % of the answers, comes too late for a method of which more than
 * 5 % of the calls hang; the latencies of its calls say what another time would have done.
 */
import type { Hedging } from '../services/call/hedging.ts'
import type { LatencySketch } from '../services/call/latency-sketch.ts'
import { gainDefaults } from './defaults.ts'
import type { Knob, Proposal } from './knob.ts'
import { hedgeDelayText } from './values.ts'

type Latencies = Pick<LatencySketch, 'size' | 'quantile' | 'shares'>

/**
 * ms that 99 % of the calls of a method would take if second tries went out after `share` of the answers, within the budget, and took
 * as long as first ones.
 */
export function estimatedP99(latencies: Latencies, share: number, budget: number): number {
  const shares = [...latencies.shares()]
  const beyond = (ms: number): number => shares.reduce((sum, one) => (one.ms > ms ? sum + one.share : sum), 0)
  const delay = latencies.quantile(share)
  const wanted = beyond(delay)
  const hedged = wanted === 0 ? 0 : Math.min(1, budget / wanted)
  const ends = [...shares.map(({ ms }) => ms), ...shares.map(({ ms }) => ms + delay)].sort((a, b) => a - b)
  for (const ms of ends) {
    const left = beyond(ms)
    const late = ms < delay ? left : left * (1 - hedged) + left * hedged * beyond(ms - delay)
    if (late <= 0.01) return ms
  }
  return ends.at(-1) ?? 0
}

export class HedgeDelayKnob implements Knob {
  readonly name = 'hedgeDelay'
  readonly isWatching = true
  readonly #hedging: Pick<Hedging, 'delay' | 'budget' | 'latencies'>

  constructor(hedging: Pick<Hedging, 'delay' | 'budget' | 'latencies'>) {
    this.#hedging = hedging
  }

  get value(): string {
    return hedgeDelayText(this.#hedging.delay)
  }

  /** The latencies are there anyway. */
  watch(): void {}

  propose(): Proposal | undefined {
    const { delay: before, budget } = this.#hedging
    if ('ms' in before) return undefined
    const known = [...this.#hedging.latencies].filter(({ size }) => size >= gainDefaults.hedgeLatencies)
    const p99 = (share: number): number =>
      known.reduce((sum, method) => sum + method.size * estimatedP99(method, share, budget), 0)
    const now = p99(before.share)
    const options = gainDefaults.hedgeShares.map(share => ({ share, part: p99(share) / now }))
    const best = options.reduce((a, b) => (b.part <= a.part ? b : a))
    if (!(best.part <= gainDefaults.hedgeFactor)) return undefined
    const after = { share: best.share }
    return {
      after: hedgeDelayText(after),
      reason: `the p99 of hedged calls would be ${Math.round(best.part * 100)} % of what it is`,
      apply: () => (this.#hedging.delay = after),
      revert: () => (this.#hedging.delay = before),
    }
  }
}

/**
 * How many providers of a service there should be, from what they report: pure arithmetic over times that are passed in.
 *
 * The number that brings the mean saturation to its target, as Kubernetes computes it: `ceil(current x saturation / target)`, and `current`
 * near the target. Up at once, at most to the double in 30 s. Down to the highest number of the last 300 s, a tenth a minute. What
 * is not known changes nothing.
 */
import { scalingTimes as times, scalingTargets as targets } from '../defaults.ts'

/** What is known of a service at a time. */
export interface ScalingSample {
  /** Providers, without those that leave. */
  readonly current: number
  /** Those that report their saturation. */
  readonly reporting: number
  /** Mean of those, 0 to 1. */
  readonly saturation: number
  /** Age of the oldest report counted, ms. */
  readonly ageMs: number
}

export interface ScalingSignal {
  readonly desired: number
  /** It is held: nothing is known, or nothing new. */
  readonly stale: boolean
  /** Why, for people. */
  readonly reason: string
}

interface At {
  readonly at: number
  readonly count: number
}

/** The signal of one service, and what of its past decides on it. */
export class ScalingTrace {
  #desired: number | undefined
  #since = 0
  #loweredAt = 0
  /** The highest number wanted in each step of time, the oldest first. */
  #wanted: At[] = []
  /** What was returned within the time in which it may double. */
  #returned: At[] = []

  /** Whether it returned a signal before: this is what is held. */
  get holds(): boolean {
    return this.#desired !== undefined
  }

  /** @param now unix ms */
  next(sample: ScalingSample, now: number): ScalingSignal {
    if (this.#desired === undefined) this.#since = now
    const unknown = unknownBecause(sample)
    const held = Math.max(1, this.#desired ?? sample.current)
    // While nothing is known nothing speaks for fewer either.
    this.#want(unknown === undefined ? wantedBy(sample) : held, now)
    if (unknown !== undefined) return this.#return(held, unknown, true, now)
    const { count: wanted } = this.#wanted.at(-1)!
    return wanted > held ? this.#raise(wanted, held, sample.current, now) : this.#lower(held, sample, now)
  }

  #raise(wanted: number, held: number, current: number, now: number): ScalingSignal {
    const lowest = Math.min(held, ...this.#returned.map(({ count }) => count))
    const desired = Math.min(wanted, Math.max(2 * lowest, current))
    const reason = desired < wanted ? `${wanted} are needed: it at most doubles in 30 s` : 'more are needed'
    return this.#return(Math.max(held, desired), reason, false, now)
  }

  #lower(held: number, { saturation, reporting, current }: ScalingSample, now: number): ScalingSignal {
    const highest = Math.max(...this.#wanted.map(({ count }) => count))
    const least = held - Math.max(1, Math.floor(held * targets.fewer))
    const known = now - this.#since >= times.downAfterMs
    if (!known || highest >= held || now - this.#loweredAt < times.downEveryMs) {
      const waits = this.#wanted.at(-1)!.count < held
      const share = `${Math.round(saturation * 100)} % saturated, by ${reporting} of ${current}`
      return this.#return(held, waits ? `${share}: fewer are needed, after 300 s of it` : share, false, now)
    }
    this.#loweredAt = now
    return this.#return(Math.max(1, highest, least), 'fewer were needed for 300 s', false, now)
  }

  #want(count: number, now: number): void {
    this.#wanted = this.#wanted.filter(({ at }) => now - at < times.downAfterMs)
    const last = this.#wanted.at(-1)
    if (last !== undefined && now - last.at < times.stepMs) {
      // The newest is read as the current one, so an earlier and higher one of the step stands before it.
      this.#wanted[this.#wanted.length - 1] = { at: last.at, count: Math.max(last.count, count) }
      if (count >= last.count) return
    }
    this.#wanted.push({ at: now, count })
  }

  #return(desired: number, reason: string, stale: boolean, now: number): ScalingSignal {
    this.#desired = desired
    this.#returned = this.#returned.filter(({ at }) => now - at < times.doubleMs)
    const last = this.#returned.at(-1)
    if (last?.count !== desired) this.#returned.push({ at: now, count: desired })
    return { desired, stale, reason }
  }
}

function unknownBecause({ current, reporting, saturation, ageMs }: ScalingSample): string | undefined {
  if (current === 0) return 'no provider is online'
  if (reporting === 0) return 'no provider reports its load'
  if (!Number.isFinite(saturation) || saturation < 0) return 'its load is not a number'
  if (!(ageMs <= times.staleMs)) return 'a report counted is older than 150 s'
  return undefined
}

function wantedBy({ current, saturation }: ScalingSample): number {
  const ratio = Math.min(1, saturation) / targets.saturation
  if (Math.abs(ratio - 1) <= targets.tolerance + 1e-9) return current
  return Math.max(1, Math.ceil(current * ratio - 1e-9))
}

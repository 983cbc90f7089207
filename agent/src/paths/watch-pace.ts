/** When a watched peer is dialled, and dialled again. Knows no timers, so that the simulator keeps links at the same pace. */
import { ExponentialBackoff, type GeneratorFn, type IBackoff } from 'cockatiel'
import { pathDefaults } from './defaults.ts'

export interface WatchPaceInit {
  /** Uniform in [0, 1). */
  random: () => number
  /** Longest pause before a link that ended is dialled again, ms. @default none */
  redialMs?: (() => number) | undefined
  /** First and longest pause before a peer that was not reached is dialled again, ms. @default `watchRetryMinMs`, `watchRetryMaxMs` */
  retry?: { readonly minMs: number; readonly maxMs: number } | undefined
}

export class WatchPace {
  readonly #init: WatchPaceInit
  readonly #start: ExponentialBackoff<number>
  #backoff: IBackoff<unknown>

  constructor(init: WatchPaceInit) {
    this.#init = init
    this.#start = new ExponentialBackoff({
      initialDelay: init.retry?.minMs ?? pathDefaults.watchRetryMinMs,
      maxDelay: init.retry?.maxMs ?? pathDefaults.watchRetryMaxMs,
      generator: decorrelated(init.random),
    })
    this.#backoff = this.#start.next()
  }

  /** Before the first dial, ms. Both ends watch each other in a small mesh: the jitter lets one of them dial first. */
  firstMs(): number {
    return this.#init.random() * pathDefaults.watchRetryMinMs
  }

  /** The peer was reached. @returns ms until its link is looked at again */
  reachedMs(): number {
    this.retryNow()
    return pathDefaults.watchPingMs * (0.75 + this.#init.random() / 2)
  }

  /** Its link ended. @returns ms until the next dial */
  endedMs(): number {
    return this.#init.random() * (this.#init.redialMs?.() ?? 0)
  }

  /** It was not reached. @returns ms until the next dial */
  failedMs(): number {
    const { duration } = this.#backoff
    this.#backoff = this.#backoff.next(undefined)
    return duration
  }

  /** The next pause is the shortest again. */
  retryNow(): void {
    this.#backoff = this.#start.next()
  }
}

/** Each pause between the first one and three times the last one: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
function decorrelated(random: () => number): GeneratorFn<number> {
  return (last, { initialDelay, maxDelay }) => {
    const most = 3 * (last ?? initialDelay)
    const ms = Math.min(maxDelay, initialDelay + random() * (most - initialDelay))
    return [ms, ms]
  }
}

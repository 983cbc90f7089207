/**
 * When the own record is published: some times at once, then at the pace of the mesh (`limits.recordEveryMs`), so that what
 * changes meanwhile goes in one record; after a failure when the control plane allows it, else with growing pauses.
 */
import { limits } from '@agent-mesh/protocol'
import { sleep } from '@agent-mesh/protocol/timers'
import { ExponentialBackoff } from 'cockatiel'
import { discoveryDefaults } from './defaults.ts'
import { retryAfterMs } from './signed-http.ts'

const backoff = new ExponentialBackoff({
  initialDelay: discoveryDefaults.retryMinMs,
  maxDelay: discoveryDefaults.retryMaxMs,
})
const slackMs = (discoveryDefaults.recordsAtOnce - 1) * limits.recordEveryMs

interface Failures {
  duration: number
  next(context: unknown): Failures
}

export interface PublishPaceInit {
  /** Monotonic milliseconds. */
  now: () => number
  /** Uniform in [0, 1). */
  random: () => number
  /** Ends every pause. */
  signal: AbortSignal
}

export class PublishPace {
  readonly #now: () => number
  readonly #random: () => number
  readonly #signal: AbortSignal
  /** How far publications ran ahead of the time, ms. */
  #until = 0
  #hurried = false
  #wake = new AbortController()
  #failures: Failures = backoff.next()

  constructor(init: PublishPaceInit) {
    this.#now = init.now
    this.#random = init.random
    this.#signal = init.signal
  }

  /** Resolves when the next record may be sent. */
  async turn(): Promise<void> {
    await this.#pause(this.#hurried ? 0 : this.#until - slackMs - this.#now())
  }

  /** A record was accepted. */
  taken(): void {
    this.#until = Math.max(this.#until, this.#now()) + limits.recordEveryMs
    this.#failures = backoff.next()
  }

  /** Resolves when it is time to try again. */
  async rest(error: unknown): Promise<void> {
    const told = retryAfterMs(error)
    // Many members may have received the same answer.
    await this.#pause(told === undefined ? this.#failures.duration : told * (1 + this.#random() / 5))
    this.#failures = this.#failures.next(undefined)
  }

  /** Ends the current pause, and forgets failures. */
  wake(): void {
    this.#wake.abort()
    this.#wake = new AbortController()
    this.#failures = backoff.next()
  }

  /** Each record is sent at once from now on: the next is the last one. */
  hurry(): void {
    this.#hurried = true
    this.wake()
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return
    const signal = AbortSignal.any([this.#signal, this.#wake.signal])
    await sleep(ms, { signal }).catch(() => undefined)
  }
}

/**
 * The breaker of one provider: when the provider should be ejected, and when it is asked again. Pure over monotonic milliseconds.
 *
 * cockatiel counts failures in a row and doubles the pauses. Its sampling reads the wall clock at each success, and its policy wraps
 * each call in promises: the window and the states are here.
 */
import { ConsecutiveBreaker, ExponentialBackoff, noJitterGenerator, type IBackoff } from 'cockatiel'
import type { BreakerSettings } from './resilience.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'
/** Why a breaker opened: failures in a row, or their share of the calls. */
export type BreakerReason = 'consecutive' | 'ratio'

/** What happened to the breaker of one provider. */
export interface BreakerChange {
  readonly peerId: string
  /** `math`, or `math@2`: as calls name it. */
  readonly service: string
  readonly state: BreakerState
  /** Of a provider that is ejected: what opened its breaker. None after a probe that failed. */
  readonly reason?: BreakerReason | undefined
}

/** Parts of the window: what is older than the window leaves it a fifth at a time. */
const parts = 5
/** A pause is this part of its length at least, the rest is random: after 10 s of failures the next probe comes within 5 s. */
const leastPause = 0.8

export class Breaker {
  readonly #settings: BreakerSettings
  readonly #inRow: ConsecutiveBreaker
  /** Successes and failures of each part of the window, in turns. */
  readonly #counts = new Array<number>(2 * parts).fill(0)
  #part = 0
  #pause: IBackoff<unknown> | undefined
  #openedAt = 0
  #probeAt = 0
  #state: BreakerState = 'closed'

  constructor(settings: BreakerSettings) {
    this.#settings = settings
    this.#inRow = new ConsecutiveBreaker(settings.consecutive)
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Monotonic ms from which on one call may find out whether it works again. */
  get probeAt(): number {
    return this.#probeAt
  }

  /** A call that began at `startedAt` was answered. @returns whether that closed it */
  succeeded(startedAt: number, now: number): boolean {
    if (this.#state !== 'closed') {
      if (startedAt < this.#openedAt) return false
      this.close()
      return true
    }
    this.#inRow.success()
    this.#count(0, now)
    return false
  }

  /** @returns why it should open, if it should; an open one waits longer for its next probe */
  failed(startedAt: number, now: number, random: () => number): BreakerReason | undefined {
    if (this.#state !== 'closed') {
      if (startedAt >= this.#openedAt) this.open(now, random)
      return undefined
    }
    this.#count(1, now)
    if (this.#inRow.failure()) return 'consecutive'
    return this.#fails() ? 'ratio' : undefined
  }

  /** Takes no calls until a probe: 1 s from now, twice as long each time, 30 s at most. */
  open(now: number, random: () => number): void {
    const { openMs, maxOpenMs } = this.#settings
    this.#pause =
      this.#pause?.next(undefined) ??
      new ExponentialBackoff({
        initialDelay: openMs,
        maxDelay: maxOpenMs,
        generator: noJitterGenerator,
      }).next()
    this.#state = 'open'
    this.#openedAt = now
    this.#probeAt = now + this.#pause.duration * (leastPause + (1 - leastPause) * random())
  }

  /** One call goes to it; another one when this one does not end before the next probe is due. */
  probe(now: number): void {
    this.#state = 'half-open'
    this.#probeAt = now + (this.#pause?.duration ?? this.#settings.openMs)
  }

  /** There is a sign that the provider is back: the next call is a probe. */
  probeNow(now: number): void {
    if (this.#state === 'open') this.#probeAt = Math.min(this.#probeAt, now)
  }

  close(): void {
    this.#state = 'closed'
    this.#pause = undefined
    this.#inRow.success()
    this.#counts.fill(0)
  }

  #count(failure: 0 | 1, now: number): void {
    const part = Math.max(this.#part, Math.floor((now * parts) / this.#settings.windowMs))
    for (let gone = Math.min(part - this.#part, parts); gone > 0; gone--) {
      const at = 2 * ((part - gone + 1) % parts)
      this.#counts[at] = this.#counts[at + 1] = 0
    }
    this.#part = part
    this.#counts[2 * (part % parts) + failure]!++
  }

  #fails(): boolean {
    let [succeeded, failed] = [0, 0]
    for (let at = 0; at < 2 * parts; at += 2) {
      succeeded += this.#counts[at]!
      failed += this.#counts[at + 1]!
    }
    const calls = succeeded + failed
    return calls >= this.#settings.minCalls && succeeded < this.#settings.ratio * calls
  }
}

/** Notices a stream that stays open and falls silent, where the other side said how often it sends something. */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { performance } from 'node:perf_hooks'

/** So many times the interval may pass (a count): the sender skips its turn after it has sent something else. */
const missed = 3
/** A timer that is later than this, ms, says that the own event loop was blocked: what was sent may lie unread. */
const lateMs = 250

export class StreamWatchdog {
  readonly #onSilent: () => void
  #timer: NodeJS.Timeout | undefined
  #waitMs = 0
  #heardAt = 0

  /** @param onSilent called once */
  constructor(onSilent: () => void) {
    this.#onSilent = onSilent
  }

  /** From now on something is expected each `ms`. */
  expectEach(ms: number): void {
    if (this.#waitMs === missed * ms) return
    this.stop()
    this.#waitMs = missed * ms
    this.#timer = setTimeout(() => this.#look(), timerDelay(this.#waitMs)).unref()
    this.heard()
  }

  /** Something was received. */
  heard(): void {
    this.#heardAt = performance.now()
    this.#timer?.refresh()
  }

  /** Idempotent. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    if (performance.now() - this.#heardAt < this.#waitMs + lateMs) {
      this.stop()
      this.#onSilent()
    } else this.heard()
  }
}

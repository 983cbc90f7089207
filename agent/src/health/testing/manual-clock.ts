/** A clock that stands until a spec moves it: timers run at their times, in order. */
import type { WheelClock } from '../../core/timer-wheel.ts'

interface Repeated {
  readonly ms: number
  readonly callback: () => void
  dueAt: number
}

export class ManualClock implements WheelClock {
  #now = 0
  readonly #timers = new Set<Repeated>()

  readonly now = (): number => this.#now

  readonly every = (ms: number, callback: () => void): (() => void) => {
    const timer = { ms, callback, dueAt: this.#now + ms }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Runs what is due within `ms`. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let next = this.#next(); next !== undefined && next.dueAt <= end; next = this.#next()) {
      this.#now = next.dueAt
      next.dueAt += next.ms
      next.callback()
    }
    this.#now = end
  }

  /** The event loop is blocked for `ms`: a timer that is due runs once, late. */
  block(ms: number): void {
    this.#now += ms
    for (const timer of this.#timers)
      if (timer.dueAt <= this.#now) {
        timer.dueAt = this.#now + timer.ms
        timer.callback()
      }
  }

  #next(): Repeated | undefined {
    return [...this.#timers].sort((a, b) => a.dueAt - b.dueAt)[0]
  }
}

/** A clock that runs as the machine's does and can be turned forward; what is due by then happens. */
import type { Clock } from '@agent-mesh/agent'

export class VirtualClock implements Clock {
  #offset = 0
  readonly #waiting = new Set<{ due: number; fire: () => void }>()

  now(): number {
    return Date.now() + this.#offset
  }

  monotonic(): number {
    return performance.now()
  }

  after(ms: number, work: () => void): () => void {
    const entry = {
      due: this.now() + ms,
      fire: () => {
        clearTimeout(timer)
        if (this.#waiting.delete(entry)) work()
      },
    }
    const timer = setTimeout(entry.fire, ms)
    this.#waiting.add(entry)
    return () => {
      clearTimeout(timer)
      this.#waiting.delete(entry)
    }
  }

  /** @param ms forward; negative: the clock is set back */
  advance(ms: number): void {
    this.#offset += ms
    for (const { due, fire } of [...this.#waiting].sort((a, b) => a.due - b.due))
      if (due <= this.now()) fire()
  }
}

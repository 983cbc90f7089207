import { WheelEntry, type TimerWheel } from '../core/timer-wheel.ts'

class Drain extends WheelEntry {
  readonly done: () => void

  constructor(done: () => void) {
    super()
    this.done = done
  }

  override expire(): void {
    this.done()
  }
}

/** Waits until a link has no more work. */
export class Drains {
  readonly #wheel: TimerWheel
  /** Whether the link has no work now. */
  readonly isIdle: () => boolean
  readonly #waiting = new Set<Drain>()

  /** @param isIdle whether nothing is open in either direction and everything accepted is written */
  constructor(wheel: TimerWheel, isIdle: () => boolean) {
    this.#wheel = wheel
    this.isIdle = isIdle
  }

  /** Resolves when the link is idle or has ended, at monotonic ms `until` at the latest. */
  async idleOr(until: number): Promise<void> {
    if (this.isIdle()) return
    await new Promise<void>(resolve => {
      const drain = new Drain(resolve)
      this.#waiting.add(drain)
      if (until !== Infinity) this.#wheel.schedule(drain, until)
    })
  }

  /** Something ended: the link may be idle now. */
  check(): void {
    if (this.#waiting.size > 0 && this.isIdle()) this.end()
  }

  /** The link is idle, or has ended. */
  end(): void {
    for (const drain of this.#waiting) {
      this.#wheel.cancel(drain)
      drain.done()
    }
    this.#waiting.clear()
  }
}

import { WheelEntry, type TimerWheel } from '../core/timer-wheel.ts'

/** Calls back at a time that is set again and again; one at a time. */
export class WakeUp extends WheelEntry {
  readonly #wheel: TimerWheel
  readonly #callback: () => void
  #waits = false

  constructor(wheel: TimerWheel, callback: () => void) {
    super()
    this.#wheel = wheel
    this.#callback = callback
  }

  /** Calls back at monotonic ms `at`, or a tick of the wheel later, unless it is to call back before. */
  by(at: number): void {
    if (this.#waits) return
    this.#waits = true
    this.#wheel.schedule(this, at)
  }

  cancel(): void {
    this.#waits = false
    this.#wheel.cancel(this)
  }

  override expire(): void {
    this.#waits = false
    this.#callback()
  }
}

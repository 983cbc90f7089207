/** The one timer of checks and recovery: it keeps no process alive, and measures how late the event loop is. */
import type { WheelClock } from '../core/timer-wheel.ts'
import { Listeners } from '../core/listeners.ts'
import { healthDefaults } from './defaults.ts'

export interface Beat {
  /** Monotonic ms. */
  readonly now: number
  /** ms by which the event loop was late. */
  readonly lateMs: number
}

export class HealthBeat {
  readonly #clock: WheelClock
  readonly #beats: Listeners<Beat>
  #stopTimer: (() => void) | undefined
  #dueAt = 0
  #everyMs: number = healthDefaults.restBeatMs

  constructor(clock: WheelClock, onError: (error: unknown) => void) {
    this.#clock = clock
    this.#beats = new Listeners(onError)
  }

  /** Monotonic ms. */
  now(): number {
    return this.#clock.now()
  }

  /** Calls `listener` at each look. @returns how to stop listening */
  onBeat(listener: (beat: Beat) => void): () => void {
    return this.#beats.add(listener)
  }

  start(): void {
    this.#dueAt = this.#clock.now() + this.#everyMs
    this.#stopTimer ??= this.#clock.every(this.#everyMs, () => this.#beat())
  }

  /** From now on it looks each second. */
  hasten(): void {
    if (this.#everyMs === healthDefaults.beatMs) return
    this.#everyMs = healthDefaults.beatMs
    if (this.#stopTimer === undefined) return
    this.stop()
    this.start()
  }

  stop(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
  }

  #beat(): void {
    const now = this.#clock.now()
    const lateMs = Math.max(0, now - this.#dueAt)
    this.#dueAt = now + this.#everyMs
    this.#beats.emit({ now, lateMs })
  }
}

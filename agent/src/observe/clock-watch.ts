/**
 * Notices that the clock of this machine was set: its time moved differently from the monotonic clock. A machine that
 * sleeps looks the same, and has the same to do afterwards.
 */
import { Listeners } from '../core/listeners.ts'
import type { Clock } from './clock.ts'
import { clockDefaults } from './defaults.ts'

export interface ClockWatchInit {
  clock: Clock
  onError: (error: unknown) => void
}

export class ClockWatch {
  readonly #clock: Clock
  readonly #set: Listeners<number>
  #offset: number
  #timer: NodeJS.Timeout | undefined

  constructor({ clock, onError }: ClockWatchInit) {
    this.#clock = clock
    this.#set = new Listeners(onError)
    this.#offset = this.#read()
  }

  /** Called with the milliseconds that the clock was set forward by; negative: back. @returns how to stop listening */
  onSet(listener: (ms: number) => void): () => void {
    return this.#set.add(listener)
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), clockDefaults.lookMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Compares once. */
  look(): void {
    const offset = this.#read()
    const step = offset - this.#offset
    if (Math.abs(step) < clockDefaults.stepMs) return
    this.#offset = offset
    this.#set.emit(step)
  }

  #read(): number {
    return this.#clock.now() - this.#clock.monotonic()
  }
}

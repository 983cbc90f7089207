import { timerDelay } from '@agent-mesh/protocol/timers'

/** Work that many events ask for: it is done once, soon after the first of them. */
export class Soon {
  readonly #work: () => void
  #next: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(work: () => void) {
    this.#work = work
  }

  /** Once what runs now has ended. */
  readonly request = (): void => {
    this.#next ??= setImmediate(() => {
      this.stop()
      this.#work()
    })
  }

  /** After `ms` at the latest; keeps no process running. */
  requestWithin(ms: number): void {
    this.#timer ??= setTimeout(this.request, timerDelay(ms)).unref()
  }

  stop(): void {
    clearImmediate(this.#next)
    clearTimeout(this.#timer)
    this.#next = undefined
    this.#timer = undefined
  }
}

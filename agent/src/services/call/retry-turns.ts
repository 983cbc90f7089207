/** Lets the tries of all calls of an agent pass as the retry budget allows, first come first served. */
import { startTimer, type StartTimer, type Timer } from '@agent-mesh/protocol/timers'
import { maxWaitingRetries, retryTurnMs } from './defaults.ts'
import type { RetryBudget } from './retry-budget.ts'

interface Waiting {
  readonly deadline: number
  readonly settle: (allowed: boolean) => void
}

export interface RetryTurnsInit {
  readonly budget: RetryBudget
  /** Monotonic ms. */
  readonly now: () => number
  /** @default of the process */
  readonly startTimer?: StartTimer | undefined
}

export class RetryTurns {
  readonly #budget: RetryBudget
  readonly #now: () => number
  readonly #startTimer: StartTimer
  readonly #waiting = new Set<Waiting>()
  #timer: Timer | undefined
  #stopped = false

  constructor({ budget, now, startTimer: start = startTimer }: RetryTurnsInit) {
    this.#startTimer = start
    this.#budget = budget
    this.#now = now
  }

  /** Whether a try may begin: at once, or when its turn has come. False at the deadline, with the signal, when too many wait, or stopped. */
  take(deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false)
    if (this.#waiting.size === 0 && this.#budget.take(this.#now())) return Promise.resolve(true)
    if (this.#waiting.size >= maxWaitingRetries || signal?.aborted === true) return Promise.resolve(false)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const onAbort = () => waiting.settle(false)
    const settle = (allowed: boolean) => {
      this.#waiting.delete(waiting)
      signal?.removeEventListener('abort', onAbort)
      if (this.#waiting.size === 0) this.#rest()
      resolve(allowed)
    }
    const waiting: Waiting = { deadline, settle }
    signal?.addEventListener('abort', onAbort)
    this.#waiting.add(waiting)
    this.#passSoon()
    return promise
  }

  /** The try of a call brought its answer. */
  giveBack(): void {
    this.#budget.giveBack(this.#now())
    if (this.#waiting.size > 0) this.pass()
  }

  /** Lets tries begin that the budget allows, and refuses those that waited too long. */
  pass(): void {
    const now = this.#now()
    for (const { deadline, settle } of [...this.#waiting]) if (now >= deadline) settle(false)
    for (const { settle } of [...this.#waiting]) {
      if (!this.#budget.take(this.#now())) return
      settle(true)
    }
  }

  /** Refuses all tries from now on. */
  stop(): void {
    this.#stopped = true
    for (const { settle } of [...this.#waiting]) settle(false)
  }

  #passSoon(): void {
    this.#timer ??= this.#startTimer(retryTurnMs, () => {
      this.#timer = undefined
      this.pass()
      if (this.#waiting.size > 0) this.#passSoon()
    })
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

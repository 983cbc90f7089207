import { MeshError } from '@agent-mesh/protocol'
import { startTimer } from '@agent-mesh/protocol/timers'
import type { Plan } from '../call/plan.ts'
import type { StoredAnswer } from './stored-answer.ts'

export interface SharedCallInit {
  /** Monotonic ms after which the call itself ends. */
  readonly deadline: number
  readonly tags: readonly string[]
  /** It ends, with an answer or without callers that wait for one. */
  readonly onEnd: (call: SharedCall) => void
  /** Makes the call; rejects when `signal` aborts. */
  readonly ask: (call: SharedCall, signal: AbortSignal) => Promise<StoredAnswer>
}

/** One call that several callers wait for. Each may give up; when all have, it is cancelled. */
export class SharedCall {
  readonly deadline: number
  readonly tags: readonly string[]
  /** Its tags were invalidated while it ran: its answer may predate that, and is not stored. */
  outdated = false
  readonly #abort = new AbortController()
  readonly #onEnd: (call: SharedCall) => void
  readonly #answer: Promise<StoredAnswer>
  #waiting = 0

  constructor({ deadline, tags, onEnd, ask }: SharedCallInit) {
    this.deadline = deadline
    this.tags = tags
    this.#onEnd = onEnd
    this.#answer = ask(this, this.#abort.signal).finally(() => onEnd(this))
    // Callers that gave up, and those that were served a stale answer, do not hear of a failure.
    this.#answer.catch(() => undefined)
  }

  /**
   * The answer, for one more caller.
   * @param now monotonic ms
   * @throws MeshError of the call; `deadline_exceeded`, `cancelled` of this caller alone
   */
  wait({ method, deadline, signal }: Plan, now: number): Promise<StoredAnswer> {
    this.#waiting++
    const { promise, resolve, reject } = Promise.withResolvers<StoredAnswer>()
    const late = () => reject(new MeshError('deadline_exceeded', `Cannot call ${method}: its time ran out`))
    const cancelled = () =>
      reject(
        new MeshError('cancelled', `Cannot call ${method}: cancelled by the caller`, {
          cause: signal?.reason,
        }),
      )
    const timer = startTimer(Math.max(0, deadline - now), late)
    if (signal?.aborted === true) cancelled()
    signal?.addEventListener('abort', cancelled)
    this.#answer.then(resolve, reject)
    return promise.finally(() => {
      timer.cancel()
      signal?.removeEventListener('abort', cancelled)
      if (--this.#waiting === 0) this.cancel()
    })
  }

  /** Continues when no caller waits: the callers have a stale answer. */
  detach(): this {
    this.#waiting++
    return this
  }

  cancel(): void {
    this.#abort.abort()
    this.#onEnd(this)
  }
}

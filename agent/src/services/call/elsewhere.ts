/** The same call at other members, while a try is not answered: the first answer wins. */
import { MeshError } from '@agent-mesh/protocol'
import type { CallAnswer } from './call-answer.ts'
import type { Beside } from './explanation.ts'
import { isAnswer } from './retry.ts'

export class Elsewhere {
  readonly #signal: AbortSignal | undefined
  #abort: AbortController | undefined
  #answer: Promise<CallAnswer> | undefined
  #reason: Beside | undefined

  /** @param signal of the call */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  /** What is asked there; undefined while nothing is, and after it failed without an answer of a handler. */
  get answer(): Promise<CallAnswer> | undefined {
    return this.#answer
  }

  /** Why it was asked elsewhere last. */
  get reason(): Beside | undefined {
    return this.#reason
  }

  /** @param giveUp ends the try beside which it is asked: a handler answered here */
  ask(reason: Beside, giveUp: () => void, tries: (signal: AbortSignal) => Promise<CallAnswer>): void {
    const abort = new AbortController()
    const signal = this.#signal === undefined ? abort.signal : AbortSignal.any([this.#signal, abort.signal])
    this.#abort = abort
    this.#reason = reason
    const answer = tries(signal)
    this.#answer = answer
    answer.then(giveUp, (error: unknown) => {
      if (error instanceof MeshError && isAnswer(error)) giveUp()
      else this.#answer = undefined
    })
  }

  /** The try beside it was answered. */
  cancel(): void {
    this.#abort?.abort()
  }
}

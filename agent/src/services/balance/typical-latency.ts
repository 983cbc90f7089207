/** What a service takes to answer this caller, whichever provider gives the answer: what is expected of a provider that says little. */
import { balanceDefaults } from './defaults.ts'

/** Without the round trip: a provider far away is not slow. The mean of the first answers, then a moving average over as many. */
export class TypicalLatency {
  #ms = 0
  #leastMs = Infinity
  #answers = 0

  /** ms. 0: nothing is known. */
  get ms(): number {
    return this.#ms
  }

  /** ms of the quickest answer of late: what it takes where nothing waits. Infinity: nothing is known. */
  get leastMs(): number {
    return this.#leastMs
  }

  /** An answer took `ms`. */
  answered(ms: number): void {
    this.#answers = Math.min(this.#answers + 1, balanceDefaults.typicalAnswers)
    this.#leastMs = Math.min(ms, this.#leastMs * forgetLeast)
    this.#ms += (ms - this.#ms) / this.#answers
  }

  /**
   * ms that a provider is expected to take whose answers took `ms` and are trusted by `trust`, 0 to 1. A slow one stands out at once, a
   * quick one only with several answers: one quick answer of an idle provider would move all callers there.
   */
  expected(ms: number, trust: number): number {
    return this.#ms + (ms - this.#ms) * trust
  }
}

/** The quickest answer is forgotten by so much with each answer. */
const forgetLeast = 1.01

/** Whether the control plane answers: one place that knows, from whichever part asked it last. */
import { MeshError } from '@agent-mesh/protocol'

export interface Reachable {
  readonly answers: boolean
  /** Monotonic ms of the first request of all in a row that ended so. */
  readonly since: number
}

export class Reachability {
  readonly #now: () => number
  #last: Reachable | undefined

  /** @param now monotonic ms */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Undefined before the first request has ended. */
  get last(): Reachable | undefined {
    return this.#last
  }

  /** A request ended. A refusal is an answer; that it cannot work now, or that nothing is there, is none. */
  heard(error?: unknown): void {
    const answers = !(error instanceof MeshError && error.code === 'unavailable')
    if (this.#last?.answers !== answers) this.#last = { answers, since: this.#now() }
  }
}

/** Calls of one method at every member that serves it. */
import type { CallTargets } from '../balance/call-targets.ts'
import { askAll, type CallAllOptions, type CallAllResult, type CallAllResults } from './call-all.ts'
import type { CallAnswer } from './call-answer.ts'
import { askEach } from './call-each.ts'
import { callAllForms, checkCallOptions } from './check-options.ts'
import { joinedSignal } from './joined-signal.ts'
import type { Plan, Planner } from './plan.ts'

/** A call to one of the members. */
export interface OneOfMany {
  readonly plan: Plan
  readonly method: string
  readonly params: unknown
  readonly peerId: string
}

export interface ManyCallsInit {
  readonly targets: Pick<CallTargets, 'providers' | 'nameOf'>
  readonly planner: Planner
  /** Calls one member. */
  readonly ask: (one: OneOfMany) => Promise<CallAnswer>
  /** Monotonic ms. */
  readonly now: () => number
}

export class ManyCalls {
  readonly #targets: ManyCallsInit['targets']
  readonly #planner: Planner
  readonly #ask: ManyCallsInit['ask']
  readonly #now: () => number

  constructor({ targets, planner, ask, now }: ManyCallsInit) {
    this.#targets = targets
    this.#planner = planner
    this.#ask = ask
    this.#now = now
  }

  /** One result for each member, once all have answered. @throws MeshError `invalid_argument` for params that do not fit */
  async all(method: string, params: unknown, options: CallAllOptions): Promise<CallAllResults> {
    checkCallOptions(method, options, callAllForms)
    const { peers, skipped, ask } = await this.#begin(method, params, options)
    return { results: await askAll(this.#targets, peers, ask, options.concurrency), skipped }
  }

  /** As {@link all}, one by one as they come; a reader that leaves cancels the calls in flight, and no more are made. */
  async *each(
    method: string,
    params: unknown,
    options: CallAllOptions,
  ): AsyncGenerator<CallAllResult, void, undefined> {
    checkCallOptions(method, options, callAllForms)
    const left = new AbortController()
    const signal = joinedSignal(method, options.signal, left.signal)
    const { peers, ask } = await this.#begin(method, params, { ...options, signal })
    try {
      yield* askEach(this.#targets, peers, ask, options.concurrency)
    } finally {
      left.abort()
    }
  }

  async #begin(method: string, params: unknown, options: CallAllOptions) {
    const plan = await this.#planner.plan(method, params, options, this.#now())
    const { good, doubtful, offline } = await this.#targets.providers(plan.service)
    const alsoOffline = options.offline === true ? offline : []
    return {
      peers: [...good, ...doubtful, ...alsoOffline],
      skipped: offline.length - alsoOffline.length,
      ask: (peerId: string) => this.#ask({ plan, method, params, peerId }),
    }
  }
}

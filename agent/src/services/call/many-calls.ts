/** Calls of one method at every member that serves it. */
import type { CallTargets } from '../balance/call-targets.ts'
import { askAll, type CallAllOptions, type CallAllResults } from './call-all.ts'
import type { CallAnswer } from './call-answer.ts'
import type { Plan, Planner } from './plan.ts'

export interface ManyCallsInit {
  readonly targets: Pick<CallTargets, 'providers' | 'nameOf'>
  readonly planner: Planner
  /** Calls one member. */
  readonly ask: (plan: Plan, method: string, peerId: string) => Promise<CallAnswer>
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

  /** @throws MeshError `invalid_argument` for params that do not fit */
  async all(method: string, params: unknown, options: CallAllOptions): Promise<CallAllResults> {
    const plan = await this.#planner.plan(method, params, options, this.#now())
    const { good, doubtful, offline } = await this.#targets.providers(plan.service)
    const alsoOffline = options.offline === true ? offline : []
    const peers = [...good, ...doubtful, ...alsoOffline]
    const ask = (peerId: string) => this.#ask(plan, method, peerId)
    const results = await askAll(this.#targets, peers, ask, options.concurrency)
    return { results, skipped: offline.length - alsoOffline.length }
  }
}

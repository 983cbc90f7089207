/** Middleware at the caller: after the params were checked, before the cache. */
import { MeshError } from '@agent-mesh/protocol'
import { startTimer, type StartTimer, type Timer } from '@agent-mesh/protocol/timers'
import { Steps, type OutgoingCall, type Step } from '../contract/middleware.ts'
import type { CallAnswer } from './call-answer.ts'
import { cancelled } from './call-errors.ts'
import { middlewareGraceMs } from './defaults.ts'
import type { Plan, Planner } from './plan.ts'

export interface CallMiddlewareInit {
  readonly planner: Planner
  /** Who answers where a step does it by itself. */
  readonly self: string
  /** Monotonic ms. */
  readonly now: () => number
  /** @default of the process */
  readonly startTimer?: StartTimer | undefined
}

/** A planned call on its way through. */
export interface PlannedCall {
  readonly plan: Plan
  /** As its caller named it. */
  readonly method: string
  readonly params: unknown
  readonly peer: string | undefined
  readonly send: (plan: Plan, params: unknown) => Promise<CallAnswer>
}

export class CallMiddleware {
  readonly #planner: Planner
  readonly #self: string
  readonly #now: () => number
  readonly #startTimer: StartTimer
  readonly #steps = new Steps<OutgoingCall>()

  constructor({ planner, self, now, startTimer: start = startTimer }: CallMiddlewareInit) {
    this.#startTimer = start
    this.#planner = planner
    this.#self = self
    this.#now = now
  }

  get isEmpty(): boolean {
    return this.#steps.isEmpty
  }

  /** @returns how to remove it */
  use(step: Step<OutgoingCall>): () => void {
    return this.#steps.add(step)
  }

  /** @throws MeshError what a step or the call throws; `deadline_exceeded`, `cancelled` while a step waits */
  async pass(planned: PlannedCall): Promise<CallAnswer> {
    const { plan, method, params, peer, send } = planned
    const limit = new CallLimit(plan, this.#now(), this.#startTimer)
    let answer: CallAnswer = { value: undefined, peerId: this.#self, path: undefined, attempts: 0 }
    const run = this.#steps.run(
      params,
      given => this.#call(plan, given, peer, limit.signal),
      async given => {
        answer = await send(given === params ? plan : await this.#changed(plan, method, given), given)
        return answer.value
      },
    )
    try {
      const value = await Promise.race([run, limit.over])
      return { ...answer, value }
    } finally {
      limit.stop()
    }
  }

  #call(plan: Plan, params: unknown, peer: string | undefined, signal: AbortSignal): OutgoingCall {
    const { method, deadline } = plan
    const now = this.#now
    return {
      ...{ method, params, peer, deadline, signal },
      metadata: plan.fields?.metadata ?? {},
      get remainingMs() {
        return Math.max(0, deadline - now())
      },
    }
  }

  /** Other params are checked as those of the caller were. */
  async #changed(plan: Plan, method: string, params: unknown): Promise<Plan> {
    const { params: encoded } = await this.#planner.plan(method, params, {}, this.#now())
    return { ...plan, params: encoded }
  }
}

/** Ends a call whose steps wait on, and tells them before. The call itself, if it runs, ends first: it knows more. */
class CallLimit {
  readonly over: Promise<never>
  readonly #controller = new AbortController()
  readonly #reject: (error: MeshError) => void
  readonly #caller: AbortSignal | undefined
  readonly #onAbort: () => void
  readonly #startTimer: StartTimer
  #timer: Timer

  constructor(plan: Plan, now: number, start: StartTimer) {
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => undefined)
    this.over = promise
    this.#reject = reject
    this.#caller = plan.signal
    this.#onAbort = () => this.#end(cancelled(plan))
    this.#startTimer = start
    this.#timer = start(plan.deadline - now, () => this.#end(tooLate(plan)))
    if (plan.signal?.aborted === true) this.#onAbort()
    else plan.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  stop(): void {
    this.#timer.cancel()
    this.#caller?.removeEventListener('abort', this.#onAbort)
  }

  #end(error: MeshError): void {
    this.#timer.cancel()
    this.#timer = this.#startTimer(middlewareGraceMs, () => this.#reject(error))
    this.#controller.abort(error)
  }
}

const tooLate = ({ method }: Plan): MeshError =>
  new MeshError('deadline_exceeded', `Cannot call ${method}: no answer in time`)

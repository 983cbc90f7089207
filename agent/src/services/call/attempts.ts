/**
 * The tries of one call: choose, connect, send, and once more where that is safe and the budget allows it. A call that may
 * run twice is also asked elsewhere while its path is silent: then the first answer wins, and the other try is cancelled.
 */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as delay } from 'node:timers/promises'
import { asStarted, MeshError, toMeshError, type ErrorCode } from '@agent-mesh/protocol'
import { noMetrics, type LinkCallOptions, type RpcMetrics } from '../../rpc/index.ts'
import type { Path } from '../../transport/index.ts'
import type { Callee, CallTargets, Providers } from '../balance/call-targets.ts'
import { choosePeer, hasOther } from '../balance/choose.ts'
import type { MethodContract } from '../contract/contract.ts'
import { dialShareMs, minDialMs, retryForMs } from './defaults.ts'
import type { Plan } from './plan.ts'
import { RetryBudget } from './retry-budget.ts'
import { isAnswer, retryPause, worthRetry } from './retry.ts'
import { RetryTurns } from './retry-turns.ts'
import { checkedValue } from '../contract/validate.ts'

/** A result and who gave it. */
export interface CallAnswer<T = unknown> {
  readonly value: T
  readonly peerId: string
  /** Over which it was asked; none when it is this member itself. */
  readonly path: Path | undefined
  /** Tries it took. */
  readonly attempts: number
}

export interface AttemptsInit {
  readonly targets: Pick<CallTargets, 'callee'>
  readonly metrics?: RpcMetrics
  /** Monotonic ms. */
  readonly now: () => number
  /** [0, 1). */
  readonly random: () => number
}

/** How far a call has come; tries of it that run at the same time share it. */
interface Course {
  readonly providers: () => Providers
  readonly tried: Set<string>
  last: string | undefined
  attempts: number
  /** Looks for a provider that found none. */
  waits: number
  /** Monotonic ms after which no try begins; undefined until one has failed. */
  until: number | undefined
  /** An answer now gives back the try that the budget allowed last: it went to a member in place of a broken path. */
  owed: boolean
}

export class Attempts {
  readonly #targets: Pick<CallTargets, 'callee'>
  readonly #metrics: RpcMetrics
  readonly #now: () => number
  readonly #random: () => number
  readonly #budget: RetryBudget
  readonly #turns: RetryTurns
  #stopped = false

  constructor({ targets, metrics = noMetrics, now, random }: AttemptsInit) {
    this.#targets = targets
    this.#metrics = metrics
    this.#now = now
    this.#random = random
    this.#budget = new RetryBudget(now())
    this.#turns = new RetryTurns({ budget: this.#budget, now })
  }

  /** @throws MeshError of the last try; `unavailable` when nobody serves the method */
  answer(plan: Plan, providers: () => Providers): Promise<CallAnswer> {
    this.#budget.called(this.#now())
    return this.#tries(plan, {
      providers,
      tried: new Set(),
      last: undefined,
      attempts: 0,
      waits: 0,
      until: undefined,
      owed: false,
    })
  }

  /** Begins no more tries; calls that wait for one end. */
  stop(): void {
    this.#stopped = true
    this.#turns.stop()
  }

  async #tries(plan: Plan, course: Course): Promise<CallAnswer> {
    for (;;) {
      const providers = course.providers()
      const peerId = choosePeer(providers, course, this.#random)
      if (peerId === undefined) {
        await this.#awaitProvider(plan, course, providers)
        continue
      }
      course.attempts++
      course.last = peerId
      course.tried.add(peerId)
      try {
        return await this.#try(plan, peerId, course)
      } catch (thrown) {
        const error = toMeshError(thrown, 'internal', `call ${plan.method}`)
        if (!(await this.#mayRepeat(plan, course, error))) throw error
      }
    }
  }

  /** The only provider restarts: it has withdrawn its record, and will be back. @throws MeshError `unavailable` when that is not so */
  async #awaitProvider(plan: Plan, course: Course, { lately }: Providers): Promise<void> {
    const expected = course.attempts > 0 || lately === true
    const pause = retryPause(++course.waits, this.#random)
    if (!expected || this.#stopped || this.#now() + pause >= this.#tryUntil(plan, course)) throw nobody(plan)
    await rest(plan, pause)
  }

  /** Monotonic ms, from the first failure of a call on. */
  #tryUntil({ deadline }: Plan, course: Course): number {
    return (course.until ??= Math.min(deadline, this.#now() + retryForMs))
  }

  /** Asks one member; another one, too, as soon as the path to it falls silent. */
  #try(plan: Plan, peerId: string, course: Course): Promise<CallAnswer> {
    if (!plan.idempotent || !hasOther(course.providers(), peerId)) return this.#send(plan, peerId, course)
    return new Promise((resolve, reject) => {
      let elsewhere: AbortController | undefined
      let running = 1
      const lost = (error: unknown) => {
        if (--running === 0 || (error instanceof MeshError && isAnswer(error))) reject(error as Error)
      }
      const onDoubt = (giveUp: () => void) => {
        if (running !== 1 || !hasOther(course.providers(), peerId)) return
        running++
        elsewhere = new AbortController()
        this.#elsewhere(plan, course, elsewhere.signal).then(answer => {
          giveUp()
          resolve(answer)
        }, lost)
      }
      this.#send(plan, peerId, course, onDoubt).then(answer => {
        elsewhere?.abort()
        resolve(answer)
      }, lost)
    })
  }

  /** The tries of a call beside the silent one. */
  async #elsewhere(plan: Plan, course: Course, over: AbortSignal): Promise<CallAnswer> {
    const signal = plan.signal === undefined ? over : AbortSignal.any([plan.signal, over])
    if (!(await this.#turns.take(plan.deadline, signal)))
      throw new MeshError('path_lost', `Cannot call ${plan.method}: its path fell silent`)
    this.#retried(plan, course, 'path_lost')
    return this.#tries({ ...plan, signal }, course)
  }

  async #send(
    plan: Plan,
    peerId: string,
    course: Course,
    onDoubt?: LinkCallOptions['onDoubt'],
  ): Promise<CallAnswer> {
    const { wireName, params, deadline, signal, idempotent, contract, method } = plan
    const dialUntil = this.#dialUntil(plan, peerId, course)
    let callee: Callee
    try {
      callee = await this.#targets.callee(peerId, { deadline: dialUntil, signal })
    } catch (thrown) {
      throw notReached(plan, thrown, dialUntil)
    }
    let value: unknown
    try {
      const timeoutMs = deadline - this.#now()
      value = await callee.call(wireName, params, { timeoutMs, signal, idempotent, onDoubt })
    } catch (thrown) {
      if (thrown instanceof MeshError && isAnswer(thrown)) this.#answered(course)
      throw thrown
    }
    this.#answered(course)
    if (contract !== undefined) {
      const checked = checkedResult(contract, value, method)
      value = checked instanceof Promise ? await checked : checked
    }
    return { value, peerId, path: callee.path, attempts: course.attempts }
  }

  /** Monotonic ms: while another member could answer, the dial of one gets only a share of the time. */
  #dialUntil({ deadline, method }: Plan, peerId: string, { providers }: Course): number {
    const now = this.#now()
    const left = deadline - now
    if (left <= 0)
      throw new MeshError('deadline_exceeded', `Cannot call ${method}: no time is left`, { notStarted: true })
    if (!hasOther(providers(), peerId)) return deadline
    return Math.min(deadline, now + Math.max(minDialMs, Math.min(dialShareMs, left / 2)))
  }

  #answered(course: Course): void {
    this.#budget.answered(this.#now())
    if (course.owed) this.#turns.giveBack()
    course.owed = false
  }

  /** Waits until another try may begin. @returns false: it is not worth one, or its time is over @throws MeshError `cancelled` */
  async #mayRepeat(plan: Plan, course: Course, error: MeshError): Promise<boolean> {
    const { attempts: attempt, tried } = course
    const next = choosePeer(course.providers(), course, this.#random)
    const elsewhere = next !== undefined && !tried.has(next)
    if (!worthRetry({ error, attempt, idempotent: plan.idempotent, elsewhere })) return false
    const until = this.#tryUntil(plan, course)
    const pause = elsewhere ? 0 : retryPause(attempt, this.#random)
    if (this.#stopped || this.#now() + pause >= until) return false
    if (pause > 0) await rest(plan, pause)
    const allowed = await this.#turns.take(until, plan.signal)
    if (plan.signal?.aborted === true) throw cancelled(plan)
    if (!allowed || this.#now() >= plan.deadline) return false
    this.#retried(plan, course, error.code)
    return true
  }

  #retried({ method }: Plan, course: Course, code: ErrorCode): void {
    course.owed = code !== 'overloaded' && code !== 'rate_limited'
    this.#metrics.callRetried(method, code)
  }
}

/** Nothing was written: another member may be asked, also when only the share of the dial is used up. */
function notReached({ method, deadline }: Plan, thrown: unknown, dialUntil: number): MeshError {
  const error = asStarted(toMeshError(thrown, 'internal', `call ${method}`), false)
  if (error.code !== 'deadline_exceeded' || dialUntil === deadline) return error
  return new MeshError('unavailable', error.message, { cause: error, notStarted: true })
}

function checkedResult(contract: MethodContract, value: unknown, method: string): unknown {
  const action = `use the result of ${method}`
  const checked = contract.result['~standard'].validate(value)
  if (!(checked instanceof Promise)) return checkedValue(checked, 'protocol_error', action)
  return checked.then(result => checkedValue(result, 'protocol_error', action))
}

const cancelled = ({ method, signal }: Plan): MeshError =>
  new MeshError('cancelled', `Cannot call ${method}: cancelled by the caller`, { cause: signal?.reason })

async function rest(plan: Plan, ms: number): Promise<void> {
  try {
    await delay(timerDelay(ms), undefined, plan.signal === undefined ? {} : { signal: plan.signal })
  } catch {
    throw cancelled(plan)
  }
}

const nobody = ({ method, service }: Plan): MeshError =>
  new MeshError('unavailable', `Cannot call ${method}: no known member serves ${service}`, {
    hint: 'See who serves what with `agent-mesh services`.',
  })

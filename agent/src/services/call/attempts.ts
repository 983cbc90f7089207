/**
 * The tries of one call: choose, connect, send, and once more where that is safe and the budget allows it. A call that may
 * run twice is also asked elsewhere while its path is silent: then the first answer wins, and the other try is cancelled.
 *
 * Most calls are answered by the first member asked, over a link that stands: for them nothing here waits, reads the clock or makes
 * a promise beyond the one of the answer.
 */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as delay } from 'node:timers/promises'
import { asStarted, MeshError, toMeshError, type ErrorCode } from '@agent-mesh/protocol'
import { noMetrics, type RpcMetrics } from '../../rpc/index.ts'
import type { Path } from '../../transport/index.ts'
import type { Callee, CallTargets, Providers } from '../balance/call-targets.ts'
import { choosePeer, hasOther } from '../balance/choose.ts'
import type { MethodContract } from '../contract/contract.ts'
import { Course } from './course.ts'
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
  /** When the answer that is being handled arrived, or later: saves a reading of the clock. @default `now` */
  readonly lately?: (() => number) | undefined
  /** [0, 1). */
  readonly random: () => number
}

/** The same call at other members, while the path of a try is silent. */
interface Elsewhere {
  readonly answer: Promise<CallAnswer>
  readonly abort: AbortController
  /** No handler answered there. */
  failed: boolean
}

export class Attempts {
  readonly #targets: Pick<CallTargets, 'callee'>
  readonly #metrics: RpcMetrics
  readonly #now: () => number
  readonly #lately: () => number
  readonly #random: () => number
  readonly #budget: RetryBudget
  readonly #turns: RetryTurns
  #stopped = false

  constructor({ targets, metrics = noMetrics, now, lately = now, random }: AttemptsInit) {
    this.#targets = targets
    this.#metrics = metrics
    this.#now = now
    this.#lately = lately
    this.#random = random
    this.#budget = new RetryBudget(now())
    this.#turns = new RetryTurns({ budget: this.#budget, now })
  }

  /**
   * @param now monotonic ms
   * @throws MeshError of the last try; `unavailable` when nobody serves the method
   */
  answer(plan: Plan, providers: () => Providers, now = this.#now()): Promise<CallAnswer> {
    this.#budget.called(now)
    return this.#try(plan, new Course(providers), now)
  }

  /** Begins no more tries; calls that wait for one end. */
  stop(): void {
    this.#stopped = true
    this.#turns.stop()
  }

  /** The next try, and those that follow when it fails. */
  #try(plan: Plan, course: Course, now: number): Promise<CallAnswer> {
    const providers = course.providers()
    const peerId = choosePeer(providers, course, this.#random)
    if (peerId === undefined) return this.#awaitProvider(plan, course, providers)
    course.begin(peerId)
    const dialUntil = dialLimit(plan, hasOther(providers, peerId), now)
    if (dialUntil <= now) return this.#again(plan, course, noTimeLeft(plan))
    let callee: Callee | Promise<Callee>
    try {
      callee = this.#targets.callee(peerId, { deadline: dialUntil, signal: plan.signal })
    } catch (thrown) {
      return this.#again(plan, course, notReached(plan, thrown, dialUntil))
    }
    if (!(callee instanceof Promise)) return this.#send(plan, course, peerId, callee, now)
    return callee.then(
      dialled => this.#send(plan, course, peerId, dialled, this.#now()),
      (thrown: unknown) => this.#again(plan, course, notReached(plan, thrown, dialUntil)),
    )
  }

  /** Asks one member; other ones, too, as soon as the path to it falls silent. */
  #send(plan: Plan, course: Course, peerId: string, callee: Callee, now: number): Promise<CallAnswer> {
    const { wireName, params, deadline, signal, idempotent, fields } = plan
    let elsewhere: Elsewhere | undefined
    const onDoubt = (giveUp: () => void): void => {
      if (elsewhere === undefined || elsewhere.failed)
        elsewhere = this.#elsewhere(plan, course, peerId, giveUp)
    }
    const options = {
      timeoutMs: deadline - now,
      dueAt: deadline,
      signal,
      idempotent,
      fields,
      onDoubt: idempotent ? onDoubt : undefined,
    }
    return callee.call(wireName, params, options).then(
      value => {
        elsewhere?.abort.abort()
        return this.#answer(plan, course, peerId, callee, value)
      },
      (thrown: unknown) => this.#failed(plan, course, elsewhere, thrown),
    )
  }

  #answer(
    plan: Plan,
    course: Course,
    peerId: string,
    { path }: Callee,
    value: unknown,
  ): CallAnswer | Promise<CallAnswer> {
    this.#answered(course)
    const { attempts } = course
    if (plan.contract === undefined) return { value, peerId, path, attempts }
    const checked = checkedResult(plan.contract, value, plan.method)
    if (!(checked instanceof Promise)) return { value: checked, peerId, path, attempts }
    return checked.then(result => ({ value: result, peerId, path, attempts }))
  }

  /** A try failed: what becomes of it elsewhere counts, unless a handler has answered. */
  #failed(
    plan: Plan,
    course: Course,
    elsewhere: Elsewhere | undefined,
    thrown: unknown,
  ): Promise<CallAnswer> {
    const answered = thrown instanceof MeshError && isAnswer(thrown)
    if (answered) this.#answered(course)
    if (elsewhere === undefined || elsewhere.failed) return this.#again(plan, course, thrown)
    if (!answered) return elsewhere.answer.catch((error: unknown) => this.#again(plan, course, error))
    elsewhere.abort.abort()
    return this.#again(plan, course, thrown)
  }

  /** Asks other members beside a silent one, which is given up when a handler has answered. */
  #elsewhere(plan: Plan, course: Course, peerId: string, giveUp: () => void): Elsewhere | undefined {
    if (!hasOther(course.providers(), peerId)) return undefined
    const abort = new AbortController()
    const elsewhere: Elsewhere = { answer: this.#beside(plan, course, abort.signal), abort, failed: false }
    elsewhere.answer.then(giveUp, (error: unknown) => {
      if (error instanceof MeshError && isAnswer(error)) giveUp()
      else elsewhere.failed = true
    })
    return elsewhere
  }

  /** The tries of a call beside the silent one. */
  async #beside(plan: Plan, course: Course, over: AbortSignal): Promise<CallAnswer> {
    const signal = plan.signal === undefined ? over : AbortSignal.any([plan.signal, over])
    if (!(await this.#turns.take(plan.deadline, signal)))
      throw new MeshError('path_lost', `Cannot call ${plan.method}: its path fell silent`)
    this.#retried(plan, course, 'path_lost')
    return this.#try({ ...plan, signal }, course, this.#now())
  }

  #answered(course: Course): void {
    this.#budget.answered(this.#lately())
    if (course.owed) this.#turns.giveBack()
    course.owed = false
  }

  /** Tries again after a failure, if that is worth it. @throws MeshError the failure, if not */
  async #again(plan: Plan, course: Course, thrown: unknown): Promise<CallAnswer> {
    const error = toMeshError(thrown, 'internal', `call ${plan.method}`)
    if (!(await this.#mayRepeat(plan, course, error))) throw error
    return this.#try(plan, course, this.#now())
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

  /** The only provider restarts: it has withdrawn its record, and will be back. @throws MeshError `unavailable` when that is not so */
  async #awaitProvider(plan: Plan, course: Course, { lately }: Providers): Promise<CallAnswer> {
    const expected = course.attempts > 0 || lately === true
    const pause = retryPause(++course.waits, this.#random)
    if (!expected || this.#stopped || this.#now() + pause >= this.#tryUntil(plan, course))
      throw noProvider(plan, expected)
    await rest(plan, pause)
    if (this.#stopped) throw noProvider(plan, expected)
    return this.#try(plan, course, this.#now())
  }

  /** Monotonic ms, from the first failure of a call on. */
  #tryUntil({ deadline }: Plan, course: Course): number {
    return (course.until ??= Math.min(deadline, this.#now() + retryForMs))
  }

  #retried({ method }: Plan, course: Course, code: ErrorCode): void {
    course.owed = code !== 'overloaded' && code !== 'rate_limited'
    this.#metrics.callRetried(method, code)
  }
}

/** Monotonic ms: while another member could answer, the dial of one gets only a share of the time. */
function dialLimit({ deadline }: Plan, other: boolean, now: number): number {
  if (!other) return deadline
  return Math.min(deadline, now + Math.max(minDialMs, Math.min(dialShareMs, (deadline - now) / 2)))
}

const noTimeLeft = ({ method }: Plan): MeshError =>
  new MeshError('deadline_exceeded', `Cannot call ${method}: no time is left`, { notStarted: true })

/** Nothing was written: another member may be asked, also when only the share of the dial is used up. */
function notReached({ method, deadline }: Plan, thrown: unknown, dialUntil: number): MeshError {
  const error = asStarted(toMeshError(thrown, 'internal', `call ${method}`), false)
  if (error.code !== 'deadline_exceeded' || dialUntil === deadline) return error
  return new MeshError('unavailable', error.message, { cause: error, notStarted: true })
}

function checkedResult(contract: MethodContract, value: unknown, method: string): unknown {
  const checked = contract.result['~standard'].validate(value)
  if (!(checked instanceof Promise))
    return checkedValue(checked, 'protocol_error', 'use the result of', method)
  return checked.then(result => checkedValue(result, 'protocol_error', 'use the result of', method))
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

/** @param lately a member served it a moment ago; else its details are `{ providers: 0 }`, so that it is told from an outage */
const noProvider = ({ method, service }: Plan, lately: boolean): MeshError =>
  new MeshError('unavailable', `Cannot call ${method}: no known member serves ${service}`, {
    hint: 'List services and their providers with "agent-mesh services".',
    ...(!lately && { details: { providers: 0 } }),
  })

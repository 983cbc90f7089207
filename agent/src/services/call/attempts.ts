/**
 * The tries of one call: choose, connect, send, and once more where that is safe and the budget allows it. A call that may
 * run twice is also asked elsewhere while its path is silent: then the first answer wins, and the other try is cancelled.
 *
 * Most calls are answered by the first member asked, over a link that stands: for them nothing here waits, reads the clock or makes
 * a promise beyond the one of the answer.
 */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as delay } from 'node:timers/promises'
import { MeshError, toMeshError, type ErrorCode } from '@agent-mesh/protocol'
import { noMetrics, type RpcMetrics } from '../../rpc/index.ts'
import type { Path } from '../../transport/index.ts'
import { Balancer } from '../balance/balancer.ts'
import type { Callee, CallTargets } from '../balance/call-targets.ts'
import { hasOther } from '../balance/choose.ts'
import type { Providers } from '../balance/directory.ts'
import type { Provider } from '../balance/provider.ts'
import { calleeFull, cancelled, checkedResult, noProvider, noTimeLeft, notReached } from './call-errors.ts'
import { Course, type FindProviders } from './course.ts'
import { dialShareMs, minDialMs, retryForMs } from './defaults.ts'
import type { Plan } from './plan.ts'
import { RetryBudget } from './retry-budget.ts'
import { isAnswer, retryPause, worthRetry } from './retry.ts'
import { RetryTurns } from './retry-turns.ts'

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
  /** @default one of its own */
  readonly balancer?: Balancer | undefined
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
  readonly #balancer: Balancer
  readonly #budget: RetryBudget
  readonly #turns: RetryTurns
  #stopped = false

  constructor({ targets, metrics = noMetrics, balancer, now, lately = now, random }: AttemptsInit) {
    this.#targets = targets
    this.#metrics = metrics
    this.#balancer = balancer ?? new Balancer({ random })
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
  answer(plan: Plan, providers: FindProviders, now = this.#now()): Promise<CallAnswer> {
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
    const providers = course.providers(now)
    if (!(providers instanceof Promise)) return this.#choose(plan, course, providers, now)
    return providers.then(found => this.#choose(plan, course, found, this.#now()))
  }

  #choose(plan: Plan, course: Course, providers: Providers, now: number): Promise<CallAnswer> {
    const service = this.#balancer.of(plan.service)
    const provider = service.choose(providers, plan, course, now)
    if (provider === undefined) return this.#awaitProvider(plan, course, providers)
    course.begin(provider.peerId)
    if (service.isFull(provider)) return this.#again(plan, course, calleeFull(plan, provider.load.inFlight))
    const dialUntil = dialLimit(plan, hasOther(providers, provider.peerId), now)
    if (dialUntil <= now) return this.#again(plan, course, noTimeLeft(plan))
    provider.begin(now)
    return this.#reach(plan, course, provider, { now, dialUntil })
  }

  /** @param times monotonic ms */
  #reach(
    plan: Plan,
    course: Course,
    provider: Provider,
    { now, dialUntil }: { now: number; dialUntil: number },
  ): Promise<CallAnswer> {
    const fail = (thrown: unknown): Promise<CallAnswer> => {
      const error = notReached(plan, thrown, dialUntil)
      provider.failed(error, now, this.#now())
      return this.#again(plan, course, error)
    }
    let callee: Callee | Promise<Callee>
    try {
      callee = this.#targets.callee(provider.peerId, { deadline: dialUntil, signal: plan.signal })
    } catch (thrown) {
      return fail(thrown)
    }
    if (!(callee instanceof Promise)) return this.#send(plan, course, provider, callee, now)
    return callee.then(dialled => this.#send(plan, course, provider, dialled, this.#now()), fail)
  }

  /** Asks one member; other ones, too, as soon as the path to it falls silent. */
  #send(plan: Plan, course: Course, provider: Provider, callee: Callee, now: number): Promise<CallAnswer> {
    const { peerId } = provider
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
        provider.answered(now, this.#lately())
        elsewhere?.abort.abort()
        return this.#answer(plan, course, peerId, callee, value)
      },
      (thrown: unknown) => {
        const error = toMeshError(thrown, 'internal', `call ${plan.method}`)
        provider.failed(error, now, this.#lately())
        return this.#failed(plan, course, elsewhere, error)
      },
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
    thrown: MeshError,
  ): Promise<CallAnswer> {
    const answered = isAnswer(thrown)
    if (answered) this.#answered(course)
    if (elsewhere === undefined || elsewhere.failed) return this.#again(plan, course, thrown)
    if (!answered) return elsewhere.answer.catch((error: unknown) => this.#again(plan, course, error))
    elsewhere.abort.abort()
    return this.#again(plan, course, thrown)
  }

  /** Asks other members beside a silent one, which is given up when a handler has answered. */
  #elsewhere(plan: Plan, course: Course, peerId: string, giveUp: () => void): Elsewhere | undefined {
    if (!hasOther(course.known, peerId)) return undefined
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
    if (!(await this.#turns.take(plan.deadline, signal))) throw this.#keptBack(plan)
    this.#retried(plan, course, 'path_lost')
    return this.#try({ ...plan, signal }, course, this.#now())
  }

  /** The budget allowed no try beside the silent one: at the deadline the call is late, whichever of the two ends first. */
  #keptBack(plan: Plan): MeshError {
    if (this.#now() >= plan.deadline) return noTimeLeft(plan)
    return new MeshError('path_lost', `Cannot call ${plan.method}: its path fell silent`)
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
    const found = course.providers(this.#now())
    const providers = found instanceof Promise ? await found : found
    const next = this.#balancer.of(plan.service).choose(providers, plan, course, this.#now())
    const elsewhere = next !== undefined && !tried.has(next.peerId)
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

async function rest(plan: Plan, ms: number): Promise<void> {
  try {
    await delay(timerDelay(ms), undefined, plan.signal === undefined ? {} : { signal: plan.signal })
  } catch {
    throw cancelled(plan)
  }
}

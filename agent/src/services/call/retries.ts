/** Whether and when a call may begin another try: what is known of the execution, the time that is left, and the retry budget. */
import { sleep, startTimer, type StartTimer } from '@agent-mesh/protocol/timers'
import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import type { RpcMetrics } from '../../rpc/index.ts'
import type { Balancer } from '../balance/balancer.ts'
import type { Providers } from '../balance/directory.ts'
import { cancelled, noProvider } from './call-errors.ts'
import type { Course } from './course.ts'
import { maxRefusedAttempts, retryForMs } from './defaults.ts'
import type { Plan } from './plan.ts'
import { RetryBudget } from './retry-budget.ts'
import { retryPause, worthRetry } from './retry.ts'
import { RetryTurns } from './retry-turns.ts'

export interface RetriesInit {
  readonly balancer: Balancer
  readonly metrics: RpcMetrics
  /** Monotonic ms. */
  readonly now: () => number
  /** [0, 1). */
  readonly random: () => number
  /** @default of the process */
  readonly startTimer?: StartTimer | undefined
}

export class Retries {
  readonly #balancer: Balancer
  readonly #metrics: RpcMetrics
  readonly #now: () => number
  readonly #random: () => number
  readonly #startTimer: StartTimer
  readonly #budget: RetryBudget
  readonly #turns: RetryTurns
  #stopped = false

  constructor({ balancer, metrics, now, random, startTimer: start = startTimer }: RetriesInit) {
    this.#startTimer = start
    this.#balancer = balancer
    this.#metrics = metrics
    this.#now = now
    this.#random = random
    this.#budget = new RetryBudget(now(), balancer.retryBudget)
    this.#turns = new RetryTurns({ budget: this.#budget, now, startTimer: start })
  }

  /** A call begins. */
  called(now: number): void {
    this.#budget.called(now)
  }

  /** A handler answered. */
  answered(course: Course, now: number): void {
    this.#budget.answered(now)
    if (course.owed) this.#turns.giveBack()
    course.owed = false
  }

  /** Lets no more tries begin; calls that wait for one end. */
  stop(): void {
    this.#stopped = true
    this.#turns.stop()
  }

  /** Waits until another try may begin. @returns false: it is not worth one, or its time is over @throws MeshError `cancelled` */
  async mayRepeat(plan: Plan, course: Course, error: MeshError): Promise<boolean> {
    const { attempts: attempt, tried } = course
    const providers = await course.providers(this.#now())
    const next = this.#balancer.of(plan.service).choose(providers, plan, course, this.#now())
    const elsewhere = next !== undefined && !tried.has(next.peerId)
    if (!worthRetry({ error, attempt, idempotent: plan.idempotent, elsewhere })) return false
    const until = this.#tryUntil(plan, course)
    const pause = elsewhere ? 0 : retryPause(attempt, this.#random)
    if (this.#stopped || this.#now() + pause >= until) return false
    if (pause > 0) await this.#rest(plan, pause)
    const allowed = await this.#turns.take(until, plan.signal)
    if (plan.signal?.aborted === true) throw cancelled(plan)
    if (!allowed || this.#now() >= plan.deadline) return false
    this.#begin(plan, course, error.code)
    return true
  }

  /** Waits until a try may begin beside one whose path is silent. @throws MeshError `path_lost` */
  async besideSilent(plan: Plan, course: Course): Promise<void> {
    if (await this.#turns.take(plan.deadline, plan.signal)) return this.#begin(plan, course, 'path_lost')
    throw new MeshError('path_lost', `Cannot call ${plan.method}: its path fell silent`)
  }

  /** The only provider restarts: it has withdrawn its record, and will be back. @throws MeshError `unavailable` when that is not so */
  async awaitProvider(plan: Plan, course: Course, { lately }: Providers): Promise<void> {
    const expected = course.attempts > 0 || lately === true
    const pause = retryPause(++course.waits, this.#random)
    if (!expected || this.#stopped || this.#now() + pause >= this.#tryUntil(plan, course))
      throw noProvider(plan, expected)
    await this.#rest(plan, pause)
    if (this.#stopped) throw noProvider(plan, expected)
  }

  /**
   * Its providers have as many calls as one may have: looks a few times whether one has room. That costs nothing of the retry budget,
   * as nothing is sent. @throws MeshError `full`, `cancelled`
   */
  async awaitPlace(plan: Plan, course: Course, full: MeshError): Promise<void> {
    const pause = retryPause(++course.placeWaits, this.#random)
    if (course.placeWaits >= maxRefusedAttempts || this.#stopped || this.#now() + pause >= plan.deadline)
      throw full
    await this.#rest(plan, pause)
    if (this.#stopped) throw full
  }

  /** Monotonic ms, from the first failure of a call on. */
  #tryUntil({ deadline }: Plan, course: Course): number {
    return (course.until ??= Math.min(deadline, this.#now() + retryForMs))
  }

  async #rest(plan: Plan, ms: number): Promise<void> {
    try {
      await sleep(ms, { signal: plan.signal, start: this.#startTimer })
    } catch {
      throw cancelled(plan)
    }
  }

  #begin({ method }: Plan, course: Course, code: ErrorCode): void {
    course.owed = code !== 'overloaded' && code !== 'rate_limited'
    this.#metrics.callRetried(method, code)
  }
}

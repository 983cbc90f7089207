/**
 * The tries of one call: choose, connect, send, and once more where that is safe and the budget allows it. A call that may
 * run twice is also asked elsewhere while its path is silent, and, where it asks for that, when its answer takes long: then the first
 * answer wins, and the other try is cancelled.
 *
 * Most calls are answered by the first member asked, over a link that stands: for them nothing here waits, reads the clock or makes
 * a promise beyond the one of the answer.
 */
import { MeshError, toMeshError } from '@agent-mesh/protocol'
import { noMetrics, type LinkCallOptions, type RpcMetrics } from '../../rpc/index.ts'
import { Balancer } from '../balance/balancer.ts'
import type { Callee, CallTargets } from '../balance/call-targets.ts'
import { hasOther } from '../balance/choose.ts'
import type { Providers } from '../balance/directory.ts'
import type { Provider } from '../balance/provider.ts'
import type { CallAnswer } from './call-answer.ts'
import { endOf, passOn, type CallEnd } from './call-end.ts'
import { calleeFull, checkedResult, lateOr, noTimeLeft, notReached } from './call-errors.ts'
import { Course, type FindProviders } from './course.ts'
import { dialShareMs, minDialMs } from './defaults.ts'
import { Elsewhere } from './elsewhere.ts'
import type { Beside, TryNotes } from './explanation.ts'
import { Hedging } from './hedging.ts'
import type { Plan } from './plan.ts'
import { Retries } from './retries.ts'
import { isAnswer } from './retry.ts'

export interface AttemptsInit {
  readonly targets: Pick<CallTargets, 'callee'>
  readonly metrics?: RpcMetrics
  /** @default one of its own */
  readonly balancer?: Balancer | undefined
  /** Of the same balancer. @default one of its own, with a budget of its own */
  readonly retries?: Retries | undefined
  /** @default one of its own, with 5 % */
  readonly hedging?: Hedging | undefined
  /** Monotonic ms. */
  readonly now: () => number
  /** When the answer that is being handled arrived, or later: saves a reading of the clock. @default `now` */
  readonly lately?: (() => number) | undefined
  /** [0, 1). */
  readonly random: () => number
}

/** One member asked by one call. */
interface Try<T> {
  readonly plan: Plan
  readonly course: Course
  readonly provider: Provider
  readonly notes: TryNotes | undefined
  readonly end: CallEnd<T>
}

export class Attempts {
  readonly #targets: Pick<CallTargets, 'callee'>
  readonly #balancer: Balancer
  readonly #hedging: Hedging
  readonly #retries: Retries
  readonly #now: () => number
  readonly #lately: () => number

  constructor(init: AttemptsInit) {
    const { targets, metrics = noMetrics, now, lately = now, random } = init
    this.#targets = targets
    this.#balancer = init.balancer ?? new Balancer({ random })
    this.#hedging = init.hedging ?? new Hedging(0.05)
    this.#retries = init.retries ?? new Retries({ balancer: this.#balancer, metrics, now, random })
    this.#now = now
    this.#lately = lately
  }

  /**
   * @param now monotonic ms
   * @param end what becomes of its outcome
   * @throws MeshError of the last try; `unavailable` when no member serves the method
   */
  answer(plan: Plan, providers: FindProviders, now?: number): Promise<CallAnswer>
  answer<T>(plan: Plan, providers: FindProviders, now: number, end: CallEnd<T>): Promise<T>
  answer(
    plan: Plan,
    providers: FindProviders,
    now = this.#now(),
    end: CallEnd<unknown> = passOn,
  ): Promise<unknown> {
    this.#retries.called(now)
    return this.#first(plan, new Course(providers), now, end)
  }

  /** Begins no more tries; calls that wait for one end. */
  stop(): void {
    this.#retries.stop()
  }

  /** The next try, and those that follow when it fails. */
  #try(plan: Plan, course: Course, now: number): Promise<CallAnswer> {
    return this.#first(plan, course, now, passOn)
  }

  /** As {@link #try}; what goes as for most calls is ended in the promise of the answer. */
  #first<T>(plan: Plan, course: Course, now: number, end: CallEnd<T>): Promise<T> {
    const providers = course.providers(now)
    if (!(providers instanceof Promise)) return this.#choose(plan, course, providers, now, end)
    return endOf(
      providers.then(found => this.#choose(plan, course, found, this.#now(), passOn)),
      end,
    )
  }

  #choose<T>(plan: Plan, course: Course, providers: Providers, now: number, end: CallEnd<T>): Promise<T> {
    const service = this.#balancer.of(plan.service)
    const provider = service.choose(providers, plan, course, now)
    if (provider === undefined) return endOf(this.#awaitProvider(plan, course, providers), end)
    const notes = plan.notes?.chose(provider.peerId, service.candidates(providers, provider, course, now))
    if (service.isFull(provider)) {
      const error = calleeFull(plan, provider.load.inFlight)
      notes?.refused(error)
      return endOf(this.#awaitPlace(plan, course, error), end)
    }
    course.begin(provider.peerId)
    plan.span?.asked(provider.peerId)
    const dialUntil = dialLimit(plan, hasOther(providers, provider.peerId), now)
    if (dialUntil <= now) {
      const error = noTimeLeft(plan)
      notes?.refused(error)
      return endOf(this.#again(plan, course, error), end)
    }
    provider.begin(now)
    return this.#reach({ plan, course, provider, notes, end }, now, dialUntil)
  }

  /** @param dialUntil monotonic ms */
  #reach<T>(asked: Try<T>, now: number, dialUntil: number): Promise<T> {
    const { plan, course, provider, notes, end } = asked
    const fail = (thrown: unknown): Promise<CallAnswer> => {
      const error = notReached(plan, thrown, dialUntil)
      provider.failed(error, now, this.#now())
      notes?.ended(error)
      return this.#again(plan, course, error)
    }
    let callee: Callee | Promise<Callee>
    try {
      callee = this.#targets.callee(provider.peerId, { deadline: dialUntil, signal: plan.signal })
    } catch (thrown) {
      return endOf(fail(thrown), end)
    }
    if (!(callee instanceof Promise)) return this.#send(asked, callee, now)
    const inside = { ...asked, end: passOn }
    return endOf(
      callee.then(dialled => this.#send(inside, dialled, this.#now()), fail),
      end,
    )
  }

  /** Asks one member; other ones, too, when the path to it falls silent or its answer takes long. */
  #send<T>(asked: Try<T>, callee: Callee, now: number): Promise<T> {
    const { plan, course, notes } = asked
    notes?.connected(callee.path)
    const elsewhere = plan.idempotent ? new Elsewhere(plan.signal) : undefined
    const onDoubt =
      elsewhere && ((giveUp: () => void) => this.#elsewhere(asked, elsewhere, giveUp, 'silent path'))
    const options: LinkCallOptions = {
      timeoutMs: plan.deadline - now,
      dueAt: plan.deadline,
      signal: plan.signal,
      idempotent: plan.idempotent,
      fields: plan.fields,
      mostBytes: plan.contract?.largest,
      onDoubt,
    }
    if (plan.hedge !== undefined && elsewhere !== undefined && hasOther(course.known, asked.provider.peerId))
      return this.#hedged(asked, callee, options, elsewhere, now)
    return this.#settled(asked, callee, callee.call(plan.wireName, plan.params, options), elsewhere, now)
  }

  /** As any call, and asked elsewhere, too, once the budget for that allows it. */
  #hedged<T>(
    asked: Try<T>,
    callee: Callee,
    options: LinkCallOptions,
    elsewhere: Elsewhere,
    now: number,
  ): Promise<T> {
    const { plan, end } = asked
    const own = new AbortController()
    const signal = plan.signal === undefined ? own.signal : AbortSignal.any([plan.signal, own.signal])
    const hedge = () => this.#elsewhere(asked, elsewhere, () => own.abort(), 'hedge')
    const ended = this.#hedging.sent(plan.method, plan.hedge!, hedge)
    const sent = callee.call(plan.wireName, plan.params, { ...options, signal })
    const answer = this.#settled({ ...asked, end: passOn }, callee, sent, elsewhere, now)
    void answer.then(
      ({ peerId }) => {
        ended(true, this.#lately() - now)
        if (elsewhere.reason === 'hedge')
          this.#hedging.ended(peerId === asked.provider.peerId ? 'lost' : 'won')
      },
      () => {
        ended(false, 0)
        if (elsewhere.reason === 'hedge') this.#hedging.ended('lost')
      },
    )
    return endOf(answer, end)
  }

  #settled<T>(
    asked: Try<T>,
    callee: Callee,
    sent: Promise<unknown>,
    elsewhere: Elsewhere | undefined,
    now: number,
  ): Promise<T> {
    const { provider, notes, end } = asked
    return sent.then(
      value => {
        provider.answered(now, this.#lately())
        notes?.ended()
        elsewhere?.cancel()
        return this.#answer(asked, callee, value)
      },
      (thrown: unknown) => {
        const error = toMeshError(thrown, 'internal', `call ${asked.plan.method}`)
        provider.failed(error, now, this.#lately())
        notes?.ended(error)
        return endOf(this.#failed(asked, elsewhere, error), end)
      },
    )
  }

  #answer<T>({ plan, course, provider, end }: Try<T>, { path }: Callee, value: unknown): T | Promise<T> {
    this.#retries.answered(course, this.#lately())
    const { attempts } = course
    const { peerId } = provider
    let checked = value
    try {
      if (plan.contract !== undefined) checked = checkedResult(plan.contract, value, plan.method)
    } catch (thrown) {
      return end.failed(thrown)
    }
    if (!(checked instanceof Promise)) return end.answered({ value: checked, peerId, path, attempts })
    const answer = checked.then((result: unknown) => ({ value: result, peerId, path, attempts }))
    return endOf(answer, end)
  }

  /** A try failed: the outcome elsewhere counts, unless a handler has answered. */
  #failed<T>(
    { plan, course }: Try<T>,
    elsewhere: Elsewhere | undefined,
    error: MeshError,
  ): Promise<CallAnswer> {
    const answered = isAnswer(error)
    if (answered) this.#retries.answered(course, this.#lately())
    const other = elsewhere?.answer
    if (other === undefined) return this.#again(plan, course, error)
    if (!answered) return other.catch((failed: unknown) => this.#again(plan, course, failed))
    elsewhere?.cancel()
    return this.#again(plan, course, error)
  }

  /** Asks other members beside one that does not answer, which is given up when a handler has answered there. */
  #elsewhere<T>(
    { plan, course, provider }: Try<T>,
    elsewhere: Elsewhere,
    giveUp: () => void,
    reason: Beside,
  ): void {
    if (elsewhere.answer !== undefined || !hasOther(course.known, provider.peerId)) return
    elsewhere.ask(reason, giveUp, async signal => {
      const beside: Plan = { ...plan, signal, hedge: undefined, notes: plan.notes?.beside(reason) }
      if (reason === 'silent path') await this.#retries.besideSilent(beside, course)
      return this.#try(beside, course, this.#now())
    })
  }

  /** Tries again after a failure, if that is worth it. @throws MeshError the failure, if not */
  async #again(plan: Plan, course: Course, thrown: unknown): Promise<CallAnswer> {
    const error = toMeshError(thrown, 'internal', `call ${plan.method}`)
    if (!(await this.#retries.mayRepeat(plan, course, error))) throw lateOr(error, plan, this.#now())
    return this.#try(plan, course, this.#now())
  }

  async #awaitPlace(plan: Plan, course: Course, full: MeshError): Promise<CallAnswer> {
    await this.#retries.awaitPlace(plan, course, full)
    return this.#try(plan, course, this.#now())
  }

  async #awaitProvider(plan: Plan, course: Course, providers: Providers): Promise<CallAnswer> {
    await this.#retries.awaitProvider(plan, course, providers)
    return this.#try(plan, course, this.#now())
  }
}

/** Monotonic ms: while another member could answer, the dial of one gets only a share of the time. */
function dialLimit({ deadline }: Plan, other: boolean, now: number): number {
  if (!other) return deadline
  return Math.min(deadline, now + Math.max(minDialMs, Math.min(dialShareMs, (deadline - now) / 2)))
}

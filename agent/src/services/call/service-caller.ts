import { toMeshError } from '@agent-mesh/protocol'
import type { ClientSpan, Tracing } from '../../observe/tracing.ts'
import { noMetrics, type RpcMetrics } from '../../rpc/index.ts'
import type { AskOptions, CallOptions, StreamOptions } from './call-options.ts'
import { Attempts } from './attempts.ts'
import { asAsk, asCall, type AskedAs } from './asked-as.ts'
import { callForms, checkCallOptions } from './check-options.ts'
import { asItIs, valueOf, type CallAnswer } from './call-answer.ts'
import { CallMiddleware } from './call-middleware.ts'
import type { CallAllOptions, CallAllResult, CallAllResults, CallEachOptions } from './call-all.ts'
import { CountedEnd, endOf, failedAtOnce, passOn, type CallEnd } from './call-end.ts'
import { fallbackTo } from './call-errors.ts'
import { Balancer } from '../balance/balancer.ts'
import type { CallTargets } from '../balance/call-targets.ts'
import type { FindProviders } from './course.ts'
import type { CachedPlan } from '../cache/answer-cache.ts'
import { isCached, type CallCache } from '../cache/call-cache.ts'
import { CallNotes, explainError } from './explanation.ts'
import type { MethodContracts, ServiceContract } from '../contract/contract.ts'
import { checkedError } from '../contract/declared-errors.ts'
import { hostService } from '../contract/host-service.ts'
import type { OutgoingCall, Step } from '../contract/middleware.ts'
import { ManyCalls, type OneOfMany } from './many-calls.ts'
import { known, only } from './named-provider.ts'
import { Planner, traced, type Plan } from './plan.ts'
import { Retries } from './retries.ts'
import { aimed, aimOf, noRange, type ServiceOptions } from './version-choice.ts'
import { serviceClient, type ServiceClient } from './service-client.ts'
import type { ServiceCallerInit } from './service-caller-init.ts'
import type { ServiceStream } from './service-stream.ts'
import { StreamCaller } from './stream-caller.ts'
import type {
  CallArguments,
  Contracts,
  MethodName,
  ParamsOf,
  ResultOf,
  StreamName,
  TakesOf,
  YieldsOf,
} from '../contract/typed.ts'

/** Calls services wherever they are: validate, choose a member, send, and try again where that is safe. */
export class ServiceCaller<const C extends Contracts = readonly []> {
  readonly #targets: CallTargets
  readonly #planner: Planner
  readonly #attempts: Attempts
  readonly #streams: StreamCaller
  readonly #retries: Retries
  readonly #many: ManyCalls
  readonly #middleware: CallMiddleware
  readonly #cache: CallCache | undefined
  readonly #metrics: RpcMetrics
  readonly #tracing: Tracing | undefined
  readonly #now: () => number
  readonly #lately: () => number

  constructor(init: ServiceCallerInit<C>) {
    const { targets, contracts, cache, metrics = noMetrics, tracing } = init
    const { now, lately = now, random, startTimer } = init
    this.#targets = targets
    // Every member serves hostService: its calls are known, and so repeated where that is safe, without being named.
    this.#planner = new Planner([hostService, ...(contracts ?? [])])
    const { balancer = new Balancer({ random }) } = init
    // Calls and streams have one retry budget: together they must not make an outage worse.
    const retries = new Retries({ balancer, metrics, now, random, startTimer })
    this.#retries = retries
    this.#attempts = new Attempts({ ...init, balancer, retries, lately })
    const planner = this.#planner
    this.#streams = new StreamCaller({ targets, planner, metrics, tracing, balancer, retries, now, random })
    this.#many = new ManyCalls({ targets, planner, ask: one => this.#askOne(one), now })
    this.#middleware = new CallMiddleware({ planner, self: init.self ?? '', now, startTimer })
    this.#cache = cache
    this.#metrics = metrics
    this.#tracing = tracing
    this.#now = now
    this.#lately = lately
  }

  /**
   * Calls a method on a member that serves it.
   * @throws MeshError the handler's; `invalid_argument` for params that do not fit; `unavailable` when no member serves it
   * or none could be reached in time; `deadline_exceeded`, `cancelled`, `path_lost`, `overloaded`, `protocol_error`
   * for a result that does not fit
   */
  call<Method extends MethodName<C>>(
    method: Method,
    ...[params, options]: CallArguments<C, Method, CallOptions<ResultOf<C, Method>>>
  ): Promise<ResultOf<C, Method>> {
    return this.#ask(method, params, options, valueOf) as Promise<ResultOf<C, Method>>
  }

  /**
   * Opens a stream of a method at a member that serves it: to be iterated, and cancelled.
   * @throws nothing: the stream throws what {@link call} does
   */
  stream<Method extends StreamName<C>>(
    method: Method,
    ...[params, options]: CallArguments<C, Method, StreamOptions<TakesOf<C, Method>>>
  ): ServiceStream<YieldsOf<C, Method>, ResultOf<C, Method>> {
    return this.#streams.stream(method, params, options) as ServiceStream<
      YieldsOf<C, Method>,
      ResultOf<C, Method>
    >
  }

  /** As {@link call}, with the member that answered; with `explain`, why it was chosen. */
  ask(method: string, params?: unknown, options?: AskOptions): Promise<CallAnswer> {
    return this.#ask(method, params, options, asItIs, asAsk)
  }

  /** @param give what of the answer is wanted: a promise of its own for that would cost every call one */
  #ask<T>(
    method: string,
    params: unknown,
    options: CallOptions & AskOptions = noOptions,
    give: (answer: CallAnswer) => T,
    { counted = method, aim, forms = callForms }: AskedAs = asCall,
  ): Promise<T> {
    const startedAt = this.#now()
    const span = this.#tracing?.call(counted)
    const end = this.#end(counted, startedAt, give, options?.peer !== undefined, span)
    let ended: Promise<T>
    try {
      if (options !== noOptions) checkCallOptions(counted, options, forms)
      const planned = this.#planner.plan(method, params, options, startedAt)
      const plan = aim === undefined ? planned : aimed(planned, aim, options.peer)
      ended =
        plan instanceof Promise
          ? endOf(
              plan.then(checked =>
                this.#pass(traced(checked, span), method, params, options, this.#now(), passOn),
              ),
              end,
            )
          : this.#pass(traced(plan, span), method, params, options, startedAt, end)
    } catch (thrown) {
      ended = failedAtOnce(thrown, end)
    }
    const fallback = options?.fallback
    return fallback === undefined ? ended : (ended.catch(fallbackTo(fallback)) as Promise<T>)
  }

  /**
   * The methods of a contract as functions. The version of the contract is asked for, or the newest of a range that is served.
   * @param contract that was checked @throws MeshError `invalid_argument` for options that there are not
   */
  service<Name extends string, Methods extends MethodContracts>(
    contract: ServiceContract<Name, Methods>,
    options: ServiceOptions = {},
  ): ServiceClient<Methods> {
    const aim = aimOf(this.#targets, contract, options)
    const client = serviceClient(contract, aim, {
      call: (named, params, options) => this.#ask(named.method, params, options, valueOf, named),
      stream: ({ method, counted }, params, options) => {
        if (aim !== undefined) throw noRange(counted)
        return this.#streams.stream(method, params, options, counted)
      },
    })
    this.#planner.learn(contract)
    return client
  }

  /** Through the middleware of the program, if there is any. */
  #pass<T>(
    plan: Plan,
    method: string,
    params: unknown,
    options: CallOptions & AskOptions,
    now: number,
    end: CallEnd<T>,
  ): Promise<T> {
    const { peer, explain } = options
    if (this.#middleware.isEmpty && explain !== true) return this.#send(plan, params, options, now, end)
    const send = explain === true ? this.#explained : this.#sendPlain
    if (this.#middleware.isEmpty) return endOf(send.call(this, plan, params, options, now), end)
    const sent = (asked: Plan, given: unknown) => send.call(this, asked, given, options, this.#now())
    return endOf(this.#middleware.pass({ plan, method, params, peer, send: sent }), end)
  }

  #sendPlain(plan: Plan, params: unknown, options: CallOptions, now: number): Promise<CallAnswer> {
    return this.#send(plan, params, options, now, passOn)
  }

  /** As {@link #send}, and notes why; a cached answer would explain nothing. */
  async #explained(plan: Plan, params: unknown, options: CallOptions, now: number): Promise<CallAnswer> {
    const notes = new CallNotes(plan.service, now, this.#now)
    const nameOf = (peerId: string) => this.#targets.nameOf(peerId)
    try {
      const answer = await this.#sendPlain({ ...plan, notes }, params, { ...options, cache: false }, now)
      return { ...answer, explanation: notes.explanation(nameOf, 'ok') }
    } catch (thrown) {
      const error = toMeshError(thrown, 'internal', `call ${plan.method}`)
      throw explainError(error, notes.explanation(nameOf, error.code))
    }
  }

  #send<T>(
    plan: Plan,
    params: unknown,
    { peer, cache }: CallOptions,
    now: number,
    end: CallEnd<T>,
  ): Promise<T> {
    if (this.#cache !== undefined && cache !== false && isCached(plan))
      return endOf(this.#cached(this.#cache, plan, params, peer), end)
    if (peer === undefined)
      return this.#answer(plan, at => this.#targets.providers(plan.service, at), now, end)
    const found = this.#targets.find(peer)
    if (!(found instanceof Promise)) return this.#answer(plan, only(known(plan, peer, found)), now, end)
    return endOf(
      found.then(peerId => this.#answer(plan, only(known(plan, peer, peerId)), this.#now(), passOn)),
      end,
    )
  }

  async #cached(
    cache: CallCache,
    plan: CachedPlan,
    params: unknown,
    peer: string | undefined,
  ): Promise<CallAnswer> {
    const peerId = peer === undefined ? undefined : known(plan, peer, await this.#targets.find(peer))
    const ask = (asked: Plan) => this.#sendPlain(asked, params, { peer: peerId, cache: false }, this.#now())
    return cache.answer({ plan, params, peerId, ask })
  }

  /** A method without errors of its own costs no promise for them. */
  #answer<T>(plan: Plan, providers: FindProviders, now: number, end: CallEnd<T>): Promise<T> {
    const { contract, method } = plan
    if (contract?.errors === undefined) return this.#attempts.answer(plan, providers, now, end)
    const answer = this.#attempts.answer(plan, providers, now, passOn)
    const checked = answer.catch(async (thrown: unknown) => {
      throw await checkedError(thrown, contract, method)
    })
    return endOf(checked, end)
  }

  #end<T>(
    method: string,
    startedAt: number,
    give: (answer: CallAnswer) => T,
    ofOne: boolean,
    span: ClientSpan | undefined,
  ): CallEnd<T> {
    const [metrics, now, lately] = [this.#metrics, this.#now, this.#lately]
    return new CountedEnd({ metrics, method, startedAt, now, lately, give, ofOne, span })
  }

  /**
   * Asks every member that serves a method and is believed online, some at a time; those that are not, too, with `offline`.
   * @returns one result for each member asked, failures beside successes, and the number of members that were not asked. With
   * `each: true` the results alone, as they come
   * @throws MeshError `invalid_argument` for params that do not fit
   */
  callAll<Method extends MethodName<C>>(
    method: Method,
    params: ParamsOf<C, Method>,
    options: CallEachOptions,
  ): AsyncIterable<CallAllResult<ResultOf<C, Method>>>
  callAll<Method extends MethodName<C>>(
    method: Method,
    ...rest: CallArguments<C, Method, CallAllOptions>
  ): Promise<CallAllResults<ResultOf<C, Method>>>
  callAll(method: string, params?: unknown, options: CallAllOptions & { each?: true } = {}): unknown {
    return options?.each === true
      ? this.#many.each(method, params, options)
      : this.#many.all(method, params, options)
  }

  /** A call of its own to one of many members. */
  #askOne({ plan, method, params, peerId }: OneOfMany): Promise<CallAnswer> {
    const startedAt = this.#now()
    const span = this.#tracing?.call(method)
    const sent = traced(plan, span)
    const end = this.#end(method, startedAt, asItIs, true, span)
    if (this.#middleware.isEmpty) return this.#answer(sent, only(peerId), startedAt, end)
    const send = (last: Plan) => this.#answer(last, only(peerId), this.#now(), passOn)
    return endOf(this.#middleware.pass({ plan: sent, method, params, peer: peerId, send }), end)
  }

  /** Adds middleware to each call from the next one on. @returns how to remove it */
  use(step: Step<OutgoingCall>): () => void {
    return this.#middleware.use(step)
  }

  /** Begins no more tries of calls in flight. */
  stop(): void {
    this.#cache?.stop()
    this.#retries.stop()
  }
}

/** Most calls have none. */
const noOptions = {}

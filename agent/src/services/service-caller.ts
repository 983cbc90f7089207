import { setTimeout as delay } from 'node:timers/promises'
import { MeshError, toMeshError, type ErrorCode } from '@agent-mesh/protocol'
import { callTimeoutMs, noMetrics, type RpcMetrics } from '../rpc/index.ts'
import { askAll, type CallAllOptions, type CallAllResult } from './call-all.ts'
import type { CallTargets } from './call-targets.ts'
import { parseMethod, serviceRef, type MethodContract } from './contract.ts'
import { hostService } from './host-info.ts'
import { choosePeer, retryPause, worthRetry } from './retry.ts'
import type { CallArguments, Contracts, MethodName, ResultOf } from './typed.ts'
import { checkedValue } from './validate.ts'

export interface CallOptions {
  /** ms for the whole call: connecting, all tries, the answer. @default the method's, else 30,000 */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Name or peer id of the only member to ask. @default whoever serves the method */
  readonly peer?: string | undefined
  /** Running it twice does no harm. @default what the method's contract says, else false */
  readonly idempotent?: boolean | undefined
}

/** A result and who gave it. */
export interface Answer<T = unknown> {
  readonly value: T
  readonly peerId: string
  /** Tries it took. */
  readonly attempts: number
}

export interface ServiceCallerInit<C extends Contracts> {
  readonly targets: CallTargets
  /** Known contracts: their calls are checked, typed and aimed at the right version. @default none */
  readonly contracts?: C
  readonly metrics?: RpcMetrics
  /** Monotonic ms. */
  readonly now: () => number
  /** [0, 1). */
  readonly random: () => number
}

interface KnownMethod {
  readonly contract: MethodContract
  /** `math@2` */
  readonly service: string
  /** `math@2.add` */
  readonly wireName: string
}

/** One call with everything decided but the member. */
interface Plan {
  readonly method: string
  readonly wireName: string
  readonly service: string
  readonly params: unknown
  readonly known: KnownMethod | undefined
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  readonly idempotent: boolean
}

/** Calls services wherever they are: validate, choose a member, send, and try again where that is safe. */
export class ServiceCaller<const C extends Contracts = readonly []> {
  readonly #targets: CallTargets
  readonly #known: Map<string, KnownMethod>
  readonly #metrics: RpcMetrics
  readonly #now: () => number
  readonly #random: () => number

  constructor({ targets, contracts, metrics = noMetrics, now, random }: ServiceCallerInit<C>) {
    this.#targets = targets
    // Every member serves hostService: its calls are known, and so repeated where that is safe, without being named.
    this.#known = knownMethods([hostService, ...(contracts ?? [])])
    this.#metrics = metrics
    this.#now = now
    this.#random = random
  }

  /**
   * Calls a method on a member that serves it.
   * @throws MeshError the handler's; `invalid_argument` for params that do not fit; `unavailable` when nobody serves it
   * or nobody could be reached in time; `deadline_exceeded`, `cancelled`, `path_lost`, `overloaded`, `protocol_error`
   * for a result that does not fit
   */
  async call<Method extends MethodName<C>>(
    method: Method,
    ...[params, options]: CallArguments<C, Method, CallOptions>
  ): Promise<ResultOf<C, Method>> {
    return (await this.ask(method, params, options)).value as ResultOf<C, Method>
  }

  /** As {@link call}, and says who answered. */
  async ask(method: string, params?: unknown, options: CallOptions = {}): Promise<Answer> {
    const startedAt = this.#now()
    try {
      const plan = await this.#plan(method, params, options, startedAt)
      const answer = await this.#try(plan, this.#peers(plan, options.peer))
      this.#metrics.callEnded('caller', method, 'ok', this.#now() - startedAt)
      return answer
    } catch (thrown) {
      const error = toMeshError(thrown, 'internal', `call ${method}`)
      this.#metrics.callEnded('caller', method, error.code, this.#now() - startedAt)
      throw error
    }
  }

  /**
   * Asks every member that serves a method, some at a time.
   * @returns one result for each, in no order of time: failures stand beside successes
   * @throws MeshError `invalid_argument` for params that do not fit
   */
  async callAll<Method extends MethodName<C>>(
    method: Method,
    ...[params, options = {}]: CallArguments<C, Method, CallAllOptions>
  ): Promise<{ results: CallAllResult<ResultOf<C, Method>>[] }> {
    const plan = await this.#plan(method, params, options, this.#now())
    const ask = async (peerId: string): Promise<Answer> =>
      this.ask(method, params, { ...options, peer: peerId, timeout: plan.deadline - this.#now() })
    const results = await askAll(
      this.#targets,
      this.#targets.providers(plan.service),
      ask,
      options.concurrency,
    )
    return { results: results as CallAllResult<ResultOf<C, Method>>[] }
  }

  async #plan(method: string, params: unknown, options: CallOptions, startedAt: number): Promise<Plan> {
    const known = this.#known.get(method)
    const parsed = known ?? parseMethod(method)
    if (parsed === undefined)
      throw new MeshError('invalid_argument', `Cannot call '${method}': it is not service.method`)
    if (known !== undefined)
      checkedValue(
        await known.contract.params['~standard'].validate(params),
        'invalid_argument',
        `call ${method}`,
      )
    return {
      method,
      wireName: known?.wireName ?? method,
      service: parsed.service,
      params,
      known,
      deadline: startedAt + (options.timeout ?? known?.contract.timeout ?? callTimeoutMs),
      signal: options.signal,
      idempotent: options.idempotent ?? known?.contract.idempotent ?? false,
    }
  }

  /** The only member to ask, or whoever serves the method now. */
  #peers({ method, service }: Plan, peer: string | undefined): () => readonly string[] {
    if (peer === undefined) return () => this.#targets.providers(service)
    const peerId = this.#targets.find(peer)
    if (peerId === undefined)
      throw new MeshError('not_found', `Cannot call ${method}: no member is called '${peer}'`, {
        hint: 'List the members with `agent-mesh peers`.',
      })
    const only = [peerId]
    return () => only
  }

  async #try(plan: Plan, peersNow: () => readonly string[]): Promise<Answer> {
    const tried = new Set<string>()
    const isOnline = (peerId: string) => this.#targets.isOnline(peerId)
    for (let attempt = 1; ; attempt++) {
      const peers = peersNow()
      const peerId = choosePeer(peers, tried, isOnline, this.#random)
      if (peerId === undefined) throw this.#nobody(plan)
      try {
        return { value: await this.#send(plan, peerId), peerId, attempts: attempt }
      } catch (thrown) {
        const error = toMeshError(thrown, 'internal', `call ${plan.method}`)
        tried.add(peerId)
        const pause = peers.every(peer => tried.has(peer)) ? retryPause(attempt, this.#random) : 0
        const over = this.#now() + pause >= plan.deadline
        if (over || !worthRetry(error, attempt, plan.idempotent)) throw error
        await this.#rest(plan, error.code, pause)
      }
    }
  }

  async #send(plan: Plan, peerId: string): Promise<unknown> {
    const { wireName, params, deadline, signal, idempotent, known, method } = plan
    const callee = await this.#targets.connect(peerId, { deadline, signal })
    const value = await callee.call(wireName, params, {
      timeoutMs: deadline - this.#now(),
      signal,
      idempotent,
    })
    if (known === undefined) return value
    const checked = known.contract.result['~standard'].validate(value)
    return checkedValue(
      checked instanceof Promise ? await checked : checked,
      'protocol_error',
      `use the result of ${method}`,
    )
  }

  async #rest({ method, signal }: Plan, code: ErrorCode, ms: number): Promise<void> {
    this.#metrics.callRetried(method, code)
    if (ms === 0) return
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal })
    } catch (cause) {
      throw new MeshError('cancelled', `Cannot call ${method}: cancelled by the caller`, { cause })
    }
  }

  #nobody({ method, service }: Plan): MeshError {
    return new MeshError('unavailable', `Cannot call ${method}: no known member serves ${service}`, {
      hint: 'See who serves what with `agent-mesh services`.',
    })
  }
}

function knownMethods(contracts: Contracts): Map<string, KnownMethod> {
  const known = new Map<string, KnownMethod>()
  for (const contract of contracts) {
    const service = serviceRef(contract)
    for (const [key, method] of Object.entries(contract.methods))
      known.set(`${contract.name}.${key}`, { contract: method, service, wireName: `${service}.${key}` })
  }
  return known
}

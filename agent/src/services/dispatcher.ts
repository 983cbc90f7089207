import {
  asStarted,
  handlerError,
  MeshError,
  type Action,
  type ErrorCode,
  type Subject,
} from '@agent-mesh/protocol'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { noMetrics, promiseOf, type InboundCall, type OnRequest, type RpcMetrics } from '../rpc/index.ts'
import { CallContext } from './call-context.ts'
import { parseMethod } from './contract.ts'
import type { ServedMethod, ServiceRegistry } from './service-registry.ts'
import { checkedValue } from './validate.ts'

/**
 * Lets a member pass or throws MeshError `permission_denied`. `to` is `service:math.add` for a call, `topic:alerts` for
 * publishing and subscribing.
 */
export type Authorize = (question: { from: Subject; action: Exclude<Action, 'manage'>; to: string }) => void

/** Sheds calls before anything is spent on them. */
export interface CallLimiter {
  /** @throws MeshError `overloaded` */
  acquire(method: string): void
  /** After each call that was let in, with its duration in ms. */
  release(method: string, ms: number): void
}

export interface DispatcherInit {
  readonly registry: ServiceRegistry
  /** @default denies everything */
  readonly authorize?: Authorize
  readonly limiter?: CallLimiter
  readonly metrics?: RpcMetrics
  /** Monotonic ms, of the same clock as the links'. */
  readonly now: () => number
}

/** One call on its way to its handler. */
interface Passage {
  /** Monotonic ms. */
  readonly startedAt: number
  readonly served: ServedMethod | undefined
  /** The limiter let it in. */
  admitted: boolean
  /** Its handler began: from then on a failure is the handler's. */
  begun: boolean
}

const denyAll: Authorize = ({ from, action, to }) => {
  throw new MeshError(
    'permission_denied',
    `Cannot ${action} ${to}: no policy is known to let ${from.name} in`,
  )
}

/**
 * Serves calls in the order of the design: deadline (by the link), limit, authorize, validate, handler. The name is
 * looked up before the policy is asked, but only the allowed learn whether it is served.
 *
 * Params are checked here, where they come in from outside; results are checked by the caller, for whom they do.
 */
export class Dispatcher {
  readonly #registry: ServiceRegistry
  readonly #authorize: Authorize
  readonly #limiter: CallLimiter | undefined
  readonly #metrics: RpcMetrics
  readonly #now: () => number

  constructor({ registry, authorize = denyAll, limiter, metrics = noMetrics, now }: DispatcherInit) {
    this.#registry = registry
    this.#authorize = authorize
    this.#limiter = limiter
    this.#metrics = metrics
    this.#now = now
  }

  /** What a link to this caller serves with. */
  handlerFor(caller: Subject): OnRequest {
    return call => this.#dispatch(caller, call)
  }

  #dispatch(caller: Subject, call: InboundCall): unknown {
    const served = this.#registry.find(call.method)
    const passage: Passage = { startedAt: this.#now(), served, admitted: false, begun: false }
    try {
      this.#limiter?.acquire(call.method)
      passage.admitted = true
      const result = this.#run(caller, call, passage)
      const promise = promiseOf(result)
      if (promise === undefined) {
        this.#ended(call, passage, 'ok')
        return result
      }
      return promise.then(
        value => {
          this.#ended(call, passage, 'ok')
          return value
        },
        (thrown: unknown) => this.#failed(call, passage, thrown),
      )
    } catch (thrown) {
      return this.#failed(call, passage, thrown)
    }
  }

  #run(caller: Subject, call: InboundCall, passage: Passage): unknown {
    const { served } = passage
    const method = served?.method ?? parseMethod(call.method)?.method ?? call.method
    this.#authorize({ from: caller, action: 'call', to: served?.target ?? `service:${method}` })
    if (served === undefined)
      throw new MeshError('unsupported', `Cannot call ${call.method}: it is not served here`)
    const context = new CallContext(caller, method, call, this.#now)
    const handle = (checked: StandardSchemaV1.Result<unknown>): unknown => {
      const params = checkedValue(checked, 'invalid_argument', `call ${method}`)
      passage.begun = true
      return served.handle(params, context)
    }
    const checked = served.params['~standard'].validate(call.params())
    return checked instanceof Promise ? checked.then(handle) : handle(checked)
  }

  /** @throws MeshError what the caller is told: of the handler, or `notStarted` */
  #failed(call: InboundCall, passage: Passage, thrown: unknown): never {
    const failure = handlerError(thrown, passage.served?.method ?? call.method)
    const error = asStarted(failure, passage.begun)
    this.#ended(call, passage, error.code)
    throw error
  }

  #ended(call: InboundCall, { startedAt, served, admitted }: Passage, code: 'ok' | ErrorCode): void {
    const ms = this.#now() - startedAt
    if (admitted) this.#limiter?.release(call.method, ms)
    this.#metrics.callEnded('callee', served?.method ?? 'unknown', code, ms)
  }
}

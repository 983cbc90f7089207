import { MeshError, toMeshError, type Action, type ErrorCode, type Subject } from '@agent-mesh/protocol'
import { noMetrics, type InboundCall, type OnRequest, type RpcMetrics } from '../rpc/index.ts'
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
    const startedAt = this.#now()
    const served = this.#registry.find(call.method)
    let admitted = false
    const ended = (code: 'ok' | ErrorCode): void => {
      const ms = this.#now() - startedAt
      if (admitted) this.#limiter?.release(call.method, ms)
      this.#metrics.callEnded('callee', served?.method ?? 'unknown', code, ms)
    }
    const failed = (thrown: unknown): never => {
      const error = toMeshError(thrown, 'application', `call ${call.method}`)
      ended(error.code)
      throw error
    }
    try {
      this.#limiter?.acquire(call.method)
      admitted = true
      const result = this.#run(caller, call, served)
      if (result instanceof Promise)
        return result.then((value: unknown) => {
          ended('ok')
          return value
        }, failed)
      ended('ok')
      return result
    } catch (error) {
      return failed(error)
    }
  }

  #run(caller: Subject, call: InboundCall, served: ServedMethod | undefined): unknown {
    const method = served?.method ?? parseMethod(call.method)?.method ?? call.method
    this.#authorize({ from: caller, action: 'call', to: served?.target ?? `service:${method}` })
    if (served === undefined)
      throw new MeshError('unsupported', `Cannot call ${call.method}: it is not served here`)
    const context = new CallContext(caller, method, call, this.#now)
    const action = `call ${method}`
    const checked = served.params['~standard'].validate(call.params())
    if (checked instanceof Promise)
      return checked.then(result => served.handle(checkedValue(result, 'invalid_argument', action), context))
    return served.handle(checkedValue(checked, 'invalid_argument', action), context)
  }
}

import { encodeBody, type Encoded } from '@agent-mesh/protocol/wire/index'
import { asStarted, handlerError, MeshError, type ErrorCode, type Subject } from '@agent-mesh/protocol'
import { randomBytes } from 'node:crypto'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ServerSpan, Tracing } from '../../observe/tracing.ts'
import {
  noMetrics,
  promiseOf,
  type InboundCall,
  type OnRequest,
  type OutgoingTransfers,
  type RpcMetrics,
  unsendable,
} from '../../rpc/index.ts'
import type { Encode } from '../contract/coded.ts'
import { CallContext } from '../contract/call-context.ts'
import { denyAll, type Authorize } from './authorize.ts'
import type { CallLimiter, Permit } from './call-limiter.ts'
import { parseMethod } from '../contract/contract.ts'
import { checkHops, runServing, runServingAlone } from '../contract/current-call.ts'
import { Steps, type IncomingCall, type Step } from '../contract/middleware.ts'
import { throughSteps } from './serve-middleware.ts'
import type { Opening } from './opening.ts'
import { beginStream, streamed } from './serve-stream.ts'
import type { ServedMethod, ServiceRegistry } from './service-registry.ts'
import { checkedValue } from '../contract/validate.ts'

/** What the log of the callee keeps of a failure; its caller gets the id alone. */
export interface HandlerFailure {
  /** 12 hexadecimal digits. */
  readonly failure: string
  /** `math.add` */
  readonly method: string
  readonly caller: Subject
  /** The program that called through its agent, as that says. */
  readonly app: string | undefined
  readonly thrown: unknown
}

export interface DispatcherInit {
  readonly registry: ServiceRegistry
  /** @default denies everything */
  readonly authorize?: Authorize
  /** @default none */
  readonly limiter?: CallLimiter
  /** The error for a caller that is allowed a method which is not served. @default says that it is not served */
  readonly notServed?: (call: string, caller: Subject) => MeshError
  /** While the program starts, calls of what is not served yet wait for this. @default it has started */
  readonly opening?: Opening | undefined
  /** A handler threw something other than a MeshError. @default ignored */
  readonly onFailure?: (failure: HandlerFailure) => void
  readonly metrics?: RpcMetrics
  /** @default none */
  readonly tracing?: Tracing | undefined
  /** What handlers send beside their results. @default none */
  readonly transfers?: Pick<OutgoingTransfers, 'offer'> | undefined
  /** Monotonic ms, of the same clock as the links'. */
  readonly now: () => number
}

/** One call on its way to its handler. */
interface Passage {
  readonly served: ServedMethod | undefined
  /** The limiter let it in. */
  permit: Permit | undefined
  /** It is allowed, served, and traced. */
  span: ServerSpan | undefined
  /** Its handler began: from then on a failure is the handler's. */
  begun: boolean
}

const plainlyNotServed = (call: string): MeshError =>
  new MeshError('unsupported', `Cannot call ${call}: it is not served here`)

/**
 * Serves calls whose turn has come (the link checks turn and deadline): authorize, limit, middleware of the program, validate, check
 * that the caller still waits, run the handler. The name is looked up before the policy is asked, but only callers that are allowed
 * learn whether it is served. The limit comes after the policy, so that refused callers take no room from others.
 *
 * Params are checked here, where they come in from outside; results are checked by the caller for the same reason.
 */
export class Dispatcher {
  readonly #registry: ServiceRegistry
  readonly #authorize: Authorize
  readonly #limiter: CallLimiter | undefined
  readonly #notServed: NonNullable<DispatcherInit['notServed']>
  readonly #opening: Opening | undefined
  readonly #onFailure: NonNullable<DispatcherInit['onFailure']>
  readonly #metrics: RpcMetrics
  readonly #tracing: Tracing | undefined
  readonly #transfers: DispatcherInit['transfers']
  readonly #now: () => number
  readonly #steps = new Steps<IncomingCall>()

  constructor({
    registry,
    authorize = denyAll,
    limiter,
    notServed = plainlyNotServed,
    opening,
    onFailure = () => {},
    metrics = noMetrics,
    tracing,
    transfers,
    now,
  }: DispatcherInit) {
    this.#registry = registry
    this.#authorize = authorize
    this.#limiter = limiter
    this.#notServed = notServed
    this.#opening = opening
    this.#onFailure = onFailure
    this.#metrics = metrics
    this.#tracing = tracing
    this.#transfers = transfers
    this.#now = now
  }

  /** Adds a step around each call from the next one on. @returns how to remove it */
  use(step: Step<IncomingCall>): () => void {
    return this.#steps.add(step)
  }

  /** What a link to this caller serves with. */
  handlerFor(caller: Subject): OnRequest {
    return call => this.#dispatch(caller, call)
  }

  /** As {@link handlerFor}, for a caller whose claims change while the link stays. */
  handlerForCurrent(caller: () => Subject): OnRequest {
    return call => this.#dispatch(caller(), call)
  }

  #dispatch(caller: Subject, call: InboundCall): unknown {
    const served = this.#registry.find(call.method)
    if (served === undefined && this.#opening?.isOpen === false)
      return this.#opening.opened.then(() => {
        this.#checkWanted(call)
        return this.#dispatch(caller, call)
      })
    const passage: Passage = { served, permit: undefined, span: undefined, begun: false }
    let result: unknown
    let promise: Promise<unknown> | undefined
    try {
      result = this.#run(caller, call, passage)
      promise = promiseOf(result)
    } catch (thrown) {
      return this.#failed(caller, call, passage, thrown)
    }
    if (promise === undefined) return this.#answered(caller, call, passage, result)
    return promise.then(
      value => this.#answered(caller, call, passage, value),
      (thrown: unknown) => this.#failed(caller, call, passage, thrown),
    )
  }

  /** A result that cannot be sent is a failure: in the metrics, in the span and in the log, too. */
  #answered(caller: Subject, call: InboundCall, passage: Passage, result: unknown): Encoded | undefined {
    let body: Encoded | undefined
    try {
      if (call.open) body = encodeBody(result, 'result', call.method)
    } catch (error) {
      return this.#failed(caller, call, passage, unsendable(error))
    }
    this.#ended(call, passage, 'ok')
    return body
  }

  #run(caller: Subject, call: InboundCall, passage: Passage): unknown {
    const { served } = passage
    const method = served?.method ?? parseMethod(call.method)?.method ?? call.method
    const to = served?.target ?? `service:${method}`
    this.#authorize({ from: caller, action: 'call', to, app: call.fields.app, allow: served?.allow })
    if (served === undefined) throw this.#notServed(call.method, caller)
    passage.span = this.#tracing?.serve(method, call.fields, caller.sub)
    checkHops(method, call.fields.hops ?? 0)
    const permit = this.#limiter?.acquire(served, caller, call)
    if (!(permit instanceof Promise)) {
      passage.permit = permit
      return this.#load(served, this.#context(caller, served, call), call, passage)
    }
    return permit.then(granted => {
      passage.permit = granted
      this.#checkWanted(call)
      return this.#load(served, this.#context(caller, served, call), call, passage)
    })
  }

  #context(caller: Subject, { method, errors }: ServedMethod, call: InboundCall): CallContext {
    return new CallContext(caller, method, call, this.#now, errors, this.#transfers)
  }

  /** Params that are still at the caller are brought only now: it is allowed to call, and there is room for the call. */
  #load(served: ServedMethod, context: CallContext, call: InboundCall, passage: Passage): unknown {
    const loaded = call.load(served.largest)
    if (loaded === undefined) return this.#pass(served, context, call, passage)
    return loaded.then(() => {
      this.#checkWanted(call)
      return this.#pass(served, context, call, passage)
    })
  }

  /** Through the steps of the program, if there are any. */
  #pass(served: ServedMethod, context: CallContext, call: InboundCall, passage: Passage): unknown {
    if (this.#steps.isEmpty) return this.#handle(served, context, call.params(), call, passage)
    return throughSteps(this.#steps, context, call, params => {
      this.#checkWanted(call)
      return this.#handle(served, context, params, call, passage)
    })
  }

  #handle(
    served: ServedMethod,
    context: CallContext,
    params: unknown,
    call: InboundCall,
    passage: Passage,
  ): unknown {
    const checked = served.params['~standard'].validate(params)
    if (!(checked instanceof Promise)) return begin(served, context, checked, call, passage)
    return checked.then(result => {
      this.#checkWanted(call)
      return begin(served, context, result, call, passage)
    })
  }

  /** Starts nothing for a caller that gave up while the call waited. @throws MeshError why the call ended */
  #checkWanted(call: InboundCall): void {
    if (call.endedBy !== undefined) throw call.endedBy
    if (this.#now() >= call.deadline)
      throw new MeshError('deadline_exceeded', `Cannot call ${call.method}: its time ran out at the callee`)
  }

  /** @throws MeshError the error that the caller gets: the handler's, or one that says `notStarted` */
  #failed(caller: Subject, call: InboundCall, passage: Passage, thrown: unknown): never {
    const error = asStarted(this.#error(caller, passage.served, call, thrown), passage.begun)
    // What a handler throws because its call has ended is not its failure.
    this.#ended(call, passage, call.endedBy?.code ?? error.code)
    throw error
  }

  /** What the caller gets: of a failure its id alone, which the log has with the rest, unless the caller has given up. */
  #error(caller: Subject, served: ServedMethod | undefined, call: InboundCall, thrown: unknown): MeshError {
    const method = served?.method ?? call.method
    if (thrown instanceof MeshError || call.endedBy !== undefined) return handlerError(thrown, method)
    const failure = randomBytes(6).toString('hex')
    this.#onFailure({ failure, method, caller, app: call.fields.app, thrown })
    return handlerError(thrown, method, failure)
  }

  /** Reads the clock once for each served call; the start of its turn was read by the turn queue. */
  #ended(call: InboundCall, { served, permit, span }: Passage, code: 'ok' | ErrorCode): void {
    const now = this.#now()
    permit?.release(now)
    span?.end(code)
    this.#metrics.callEnded('callee', served?.method ?? 'unknown', code, now - call.startedAt)
  }
}

/** Runs the handler. @throws MeshError `invalid_argument` for params that did not pass */
function begin(
  served: ServedMethod,
  context: CallContext,
  checked: StandardSchemaV1.Result<unknown>,
  call: InboundCall,
  passage: Passage,
): unknown {
  const params = checkedValue(checked, 'invalid_argument', 'call', served.method)
  const { method, stream } = served
  beginStream(method, stream, call)
  passage.begun = true
  const serve = (): unknown => {
    const made = served.handle(params, context)
    return stream === undefined ? made : streamed(method, stream, call, made)
  }
  const { span } = passage
  const result =
    span === undefined ? runServingAlone(context, serve) : span.run(() => runServing(context, serve))
  return served.encode === undefined ? result : encodedResult(served.encode, result, method)
}

/** @throws MeshError `application` for a result that its codec does not take */
function encodedResult(encode: Encode, result: unknown, method: string): unknown {
  const sent = (value: unknown) => checkedValue(encode(value), 'application', 'encode the result of', method)
  const promise = promiseOf(result)
  return promise === undefined ? sent(result) : promise.then(sent)
}

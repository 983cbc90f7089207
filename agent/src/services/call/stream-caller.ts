import { MeshError, toMeshError } from '@agent-mesh/protocol'
import type { ClientSpan, Tracing } from '../../observe/tracing.ts'
import { iteratorOf, noMetrics, type LinkStream, type Messages, type RpcMetrics } from '../../rpc/index.ts'
import { Attempts } from './attempts.ts'
import type { Balancer } from '../balance/balancer.ts'
import type { CallTargets } from '../balance/call-targets.ts'
import { isStreamed, type MethodContract } from '../contract/contract.ts'
import { currentCall } from '../contract/current-call.ts'
import { checkedError } from '../contract/declared-errors.ts'
import { itemEncoder, itemReader } from '../contract/items.ts'
import { checkedResult } from './call-errors.ts'
import { checkCallOptions, streamForms } from './check-options.ts'
import type { StreamOptions } from './call-options.ts'
import { joinedSignal } from './joined-signal.ts'
import { known, only } from './named-provider.ts'
import { traced, type Plan, type Planner } from './plan.ts'
import type { Retries } from './retries.ts'
import { OpeningStream, type OpenStream, type ServiceStream } from './service-stream.ts'
import { openingStreams, StreamRequest } from './stream-request.ts'

export interface StreamCallerInit {
  readonly targets: CallTargets
  readonly planner: Planner
  readonly metrics?: RpcMetrics
  /** @default none */
  readonly tracing?: Tracing | undefined
  readonly balancer: Balancer
  /** Those of the calls: an agent has one retry budget. Their owner stops them. */
  readonly retries: Retries
  /** Monotonic ms. */
  readonly now: () => number
  /** [0, 1). */
  readonly random: () => number
}

const windowBytes = { least: 2 * 1024, most: 16 * 1024 * 1024 } as const

/** Opens streams at members that serve them: chosen and tried as calls are, until a handler has begun. */
export class StreamCaller {
  readonly #targets: CallTargets
  readonly #planner: Planner
  readonly #attempts: Attempts
  readonly #balancer: Balancer
  readonly #metrics: RpcMetrics
  readonly #tracing: Tracing | undefined
  readonly #now: () => number

  constructor({
    targets,
    planner,
    metrics = noMetrics,
    tracing,
    balancer,
    retries,
    now,
    random,
  }: StreamCallerInit) {
    this.#targets = targets
    this.#planner = planner
    this.#balancer = balancer
    this.#attempts = new Attempts({ targets: openingStreams(targets), balancer, retries, now, random })
    this.#metrics = metrics
    this.#tracing = tracing
    this.#now = now
  }

  /** @param counted its name in the metrics @throws nothing: the stream does */
  stream(method: string, params: unknown, options: StreamOptions = {}, counted = method): ServiceStream {
    const own = new AbortController()
    const startedAt = this.#now()
    const span = this.#tracing?.call(counted)
    const planned = this.#plan(method, params, options, own.signal, startedAt)
    const contract = planned.then(({ contract }) => contract)
    contract.catch(() => undefined)
    const stream = new OpeningStream({
      open: planned.then(plan => this.#open(traced(plan, span), options)),
      result: async value => resultOf(await contract, value, method),
      failure: async error => failureOf(await contract.catch(() => undefined), error, method),
      abort: reason => own.abort(new MeshError('cancelled', `Cannot call ${method}: ${reason}`)),
    })
    this.#count(stream, counted, startedAt, span)
    return stream
  }

  async #plan(
    method: string,
    params: unknown,
    options: StreamOptions,
    own: AbortSignal,
    startedAt: number,
  ): Promise<Plan> {
    checkCallOptions(method, options, streamForms)
    const { input, window: bytes } = options
    const signal = joinedSignal(method, options.signal, own)
    if (input !== undefined) checkInput(input, method)
    if (bytes !== undefined) checkWindow(bytes, method)
    const plan = await this.#planner.plan(method, params, { ...options, signal }, startedAt)
    if (plan.contract !== undefined && !isStreamed(plan.contract))
      throw new MeshError('invalid_argument', `Cannot stream ${plan.method}: it does not stream`, {
        hint: 'Use agent.call().',
      })
    return plan
  }

  async #open(plan: Plan, options: StreamOptions): Promise<OpenStream> {
    const { method, contract } = plan
    const { peer, input, timeout, window } = options
    const ofAll = timeout !== undefined || contract?.timeout !== undefined
    const request = new StreamRequest(plan.params, {
      endsAt: ofAll ? plan.deadline : currentCall()?.deadline,
      input: input as Messages | undefined,
      encode: itemEncoder(contract?.takes, method, { code: 'invalid_argument', action: 'send a message to' }),
      read: itemReader(contract?.yields, method, { code: 'protocol_error', action: 'use a message of' }),
      window,
    })
    const providers =
      peer === undefined
        ? (at?: number) => this.#targets.providers(plan.service, at)
        : only(known(plan, peer, await this.#targets.find(peer)))
    // The opening is what is tried: its answer is the stream, which no contract describes.
    const opening = { ...plan, params: request, contract: undefined, idempotent: false }
    const { value, peerId } = await this.#attempts.answer(opening, providers, this.#now())
    const link = value as LinkStream
    this.#watch(link, plan, peerId)
    return { link, peerId }
  }

  /** The opening has counted as answered: that the stream breaks later counts, too. */
  #watch({ result }: LinkStream, { method, service }: Plan, peerId: string): void {
    const begunAt = this.#now()
    result.catch((thrown: unknown) => {
      const error = toMeshError(thrown, 'internal', `call ${method}`)
      this.#balancer.of(service).broke(peerId, error, begunAt, this.#now())
    })
  }

  #count(stream: ServiceStream, method: string, startedAt: number, span: ClientSpan | undefined): void {
    const ended = (code: Parameters<RpcMetrics['callEnded']>[2], message?: string): void => {
      const { peerId } = stream
      span?.end(code, { ...(peerId !== undefined && { peerId }), ...(message !== undefined && { message }) })
      this.#metrics.callEnded('caller', method, code, this.#now() - startedAt)
    }
    stream.result.then(
      () => ended('ok'),
      (thrown: unknown) => {
        const { code, message } = toMeshError(thrown, 'internal', `call ${method}`)
        ended(code, message)
      },
    )
  }
}

/** A byte array or a string is one message, not an iterable of messages. */
function checkInput(input: unknown, method: string): void {
  if (input instanceof Uint8Array)
    throw new MeshError('invalid_argument', `Cannot send the input of ${method}: bytes are one message`, {
      hint: 'Give a list of messages: [bytes].',
    })
  if (typeof input === 'object' && input !== null && Symbol.asyncIterator in input) return
  iteratorOf(input, `the input of ${method}`)
}

function checkWindow(bytes: number, method: string): void {
  if (Number.isInteger(bytes) && bytes >= windowBytes.least && bytes <= windowBytes.most) return
  throw new MeshError('invalid_argument', `Cannot stream ${method}: its window is ${bytes}`, {
    hint: `Give a whole number of bytes from ${windowBytes.least} to ${windowBytes.most}.`,
  })
}

const resultOf = (contract: MethodContract | undefined, value: unknown, method: string): unknown =>
  contract === undefined ? value : checkedResult(contract, value, method)

async function failureOf(
  contract: MethodContract | undefined,
  thrown: unknown,
  method: string,
): Promise<unknown> {
  const error = contract?.errors === undefined ? thrown : await checkedError(thrown, contract, method)
  return toMeshError(error, 'internal', `call ${method}`)
}

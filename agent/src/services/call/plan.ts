import { passedTrace } from '../../observe/passed-trace.ts'
import type { ClientSpan } from '../../observe/tracing.ts'
import { MeshError } from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import { encodeBody, type Encoded, type RequestFields } from '@agent-mesh/protocol/wire/index'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { checkSignal } from '../../core/check-signal.ts'
import { callTimeoutMs } from '../../rpc/index.ts'
import {
  isIdempotent,
  parseMethod,
  serviceRef,
  type MethodContract,
  type MethodRef,
  type ServiceContract,
} from '../contract/contract.ts'
import { encoderOf, type Encode } from '../contract/coded.ts'
import type { CallContext } from '../contract/call-context.ts'
import { checkHops, currentCall } from '../contract/current-call.ts'
import type { Contracts } from '../contract/typed.ts'
import { checkedValue } from '../contract/validate.ts'
import type { Near } from '../balance/placed-picker.ts'
import type { Notes } from './explanation.ts'
import type { HedgeWish } from './hedging.ts'

export interface PlanOptions {
  /** ms for the whole call; 0 means no time at all. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly idempotent?: boolean | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly app?: string | undefined
  readonly key?: string | undefined
  readonly near?: Near | undefined
  readonly hedge?: HedgeWish | false | undefined
}

interface KnownMethod {
  readonly contract: MethodContract
  /** `math.add` */
  readonly method: string
  /** `math@2` */
  readonly service: string
  /** `math@2.add` */
  readonly wireName: string
  /** Of params with a codec. */
  readonly encode: Encode | undefined
}

/** One call with everything decided but the member. */
export interface Plan {
  /** `math.add` */
  readonly method: string
  /** `math@2.add` */
  readonly wireName: string
  /** `math@2` */
  readonly service: string
  readonly params: Encoded
  readonly contract: MethodContract | undefined
  /** Monotonic ms. */
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  readonly idempotent: boolean
  /** Fields that the request carries beside the params; undefined: none. */
  readonly fields?: RequestFields | undefined
  /** Calls of one key go to one provider. */
  readonly key?: string | undefined
  readonly near?: Near | undefined
  /** When it is sent to a second provider; undefined: never. */
  readonly hedge?: HedgeWish | undefined
  /** Notes what its tries do; undefined: no explanation was asked for. */
  readonly notes?: Notes | undefined
  /** undefined: nothing traces. */
  readonly span?: ClientSpan | undefined
}

/** Names that are kept as they were read: a program calls few methods, and one that makes up names fills no memory. */
const mostNames = 1_000

/** Of a key: more than any id has, and hashed in a few microseconds. */
const mostKeyChars = 1_024

/** @throws MeshError `invalid_argument` */
const timeoutOf = (asked: number | undefined, known: KnownMethod | undefined, method: string): number =>
  asked === undefined ? (known?.contract.timeout ?? callTimeoutMs) : checkDuration(asked, `call ${method}`)

/** Plans calls: what the contracts say of their methods, checked and encoded once for all tries and all members. */
export class Planner {
  readonly #known = new Map<string, KnownMethod>()
  /** Methods without a contract here. Their services stay the same strings, so that later look-ups need no new hash of them. */
  readonly #read = new Map<string, MethodRef>()

  /** Of several versions of a service the last is the one that `math.add` means. */
  constructor(contracts: Contracts) {
    for (const contract of contracts)
      for (const known of this.learn(contract)) this.#known.set(known.method, known)
  }

  /** From now on calls of `math@2.add` are planned by this contract. */
  learn(contract: ServiceContract): KnownMethod[] {
    const service = serviceRef(contract)
    return Object.entries(contract.methods).map(([key, method]) => {
      const wireName = `${service}.${key}`
      const encode = encoderOf(method.params)
      const known = { contract: method, method: `${contract.name}.${key}`, service, wireName, encode }
      this.#known.set(wireName, known)
      return known
    })
  }

  /**
   * A promise only where the schema of the params checks asynchronously.
   * @throws MeshError `invalid_argument` for a method name that is none, and for params that do not fit
   */
  plan(method: string, params: unknown, options: PlanOptions, startedAt: number): Plan | Promise<Plan> {
    const known = this.#known.get(method)
    const parsed = known ?? this.#refOf(method)
    if (parsed === undefined)
      throw new MeshError('invalid_argument', `Cannot call '${method}': it is not service.method`)
    if (known === undefined) return planOf(method, params, options, startedAt, undefined, parsed.service)
    if (known.encode !== undefined) {
      const sent = checkedValue(known.encode(params), 'invalid_argument', 'call', known.method)
      return planOf(known.method, sent, options, startedAt, known, known.service)
    }
    const checked = known.contract.params['~standard'].validate(params)
    if (checked instanceof Promise)
      return checked.then(result => checkedPlan(result, params, options, startedAt, known))
    return checkedPlan(checked, params, options, startedAt, known)
  }

  #refOf(name: string): MethodRef | undefined {
    const read = this.#read.get(name)
    if (read !== undefined) return read
    const ref = typeof name === 'string' ? parseMethod(name) : undefined
    if (ref !== undefined && this.#read.size < mostNames) this.#read.set(name, ref)
    return ref
  }
}

function checkedPlan(
  checked: StandardSchemaV1.Result<unknown>,
  params: unknown,
  options: PlanOptions,
  startedAt: number,
  known: KnownMethod,
): Plan {
  checkedValue(checked, 'invalid_argument', 'call', known.method)
  return planOf(known.method, params, options, startedAt, known, known.service)
}

function planOf(
  method: string,
  params: unknown,
  { timeout, signal, idempotent, metadata, app, key, near, hedge }: PlanOptions,
  startedAt: number,
  known: KnownMethod | undefined,
  service: string,
): Plan {
  const serving = currentCall()
  const ownDeadline = startedAt + timeoutOf(timeout, known, method)
  const mayRunTwice = idempotent ?? (known !== undefined && isIdempotent(known.contract))
  if (key !== undefined) checkKey(method, key)
  if (signal !== undefined) checkSignal(signal, 'call', method)
  return {
    method,
    wireName: known?.wireName ?? method,
    service,
    params: encodeBody(params, 'params', method),
    contract: known?.contract,
    deadline: serving === undefined ? ownDeadline : Math.min(ownDeadline, serving.deadline),
    signal,
    idempotent: mayRunTwice,
    fields: fieldsOf(method, { metadata, app }, serving),
    key,
    near,
    hedge: hedge === undefined || hedge === false ? undefined : checkedHedge(method, hedge, mayRunTwice),
  }
}

/** @throws MeshError `invalid_argument` */
function checkKey(method: string, key: unknown): void {
  if (typeof key === 'string' && key.length <= mostKeyChars) return
  const what = typeof key === 'string' ? `of ${key.length} characters` : `a ${typeof key}`
  throw new MeshError('invalid_argument', `Cannot call ${method}: its key is ${what}`, {
    hint: `A key is a text of at most ${mostKeyChars} characters.`,
  })
}

/** @throws MeshError `invalid_argument` */
function checkedHedge(method: string, hedge: HedgeWish, mayRunTwice: boolean): HedgeWish {
  if (!mayRunTwice)
    throw new MeshError('invalid_argument', `Cannot hedge ${method}: it is not idempotent`, {
      hint: 'Say so in its contract, or with the option idempotent, if running it twice does no harm.',
    })
  return hedge === true ? true : { afterMs: checkDuration(hedge.afterMs, `hedge ${method}`, 'afterMs') }
}

/** A call made by a handler is one hop further than the call that it serves. */
function fieldsOf(
  method: string,
  { metadata, app }: Pick<PlanOptions, 'metadata' | 'app'>,
  serving: CallContext | undefined,
): RequestFields | undefined {
  if (metadata !== undefined) checkMetadata(method, metadata)
  if (serving === undefined) {
    const passed = passedTrace()
    if (passed !== undefined) return { metadata, app, ...passed }
    return metadata === undefined && app === undefined ? undefined : { metadata, app }
  }
  const hops = serving.hops + 1
  checkHops(method, hops)
  const { trace, tracestate } = serving
  return { metadata, app, hops, trace, tracestate }
}

function checkMetadata(method: string, metadata: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(metadata))
    if (typeof value !== 'string')
      throw new MeshError('invalid_argument', `Cannot call ${method}: its metadata '${name}' is no text`)
}

/** The call as it is sent: its callee continues the trace. */
export const traced = (plan: Plan, span: ClientSpan | undefined): Plan =>
  span === undefined ? plan : { ...plan, span, fields: { ...plan.fields, ...span.fields } }

import { MeshError, type ErrorCode, type MeshErrorOptions } from '@agent-mesh/protocol/errors'
import { decodeError, encodeBody, encodeFields, isLaterId } from '@agent-mesh/protocol/wire/index'
import type {
  EncodedBody,
  EncodedFields,
  ErrorFrame,
  FrameEncoder,
  RequestFields,
  ResponseFrame,
} from '@agent-mesh/protocol/wire/index'
import type { ByteBudget } from '../byte-budget.ts'
import { callTimeoutMs, type LinkLimits } from '../defaults.ts'
import { IdTable } from './id-table.ts'
import type { Outbox } from '../outbox.ts'
import type { QueuedFrame } from '../send-queue.ts'
import { WheelEntry, type TimerWheel } from '../../core/timer-wheel.ts'

export interface LinkCallOptions {
  /** ms until the call ends with `deadline_exceeded`. @default 30,000 */
  readonly timeoutMs?: number | undefined
  /** Monotonic ms (the wheel's clock) when `timeoutMs` are over, where the caller knows it. @default the clock is read */
  readonly dueAt?: number | undefined
  /** Ends the call with `cancelled`, here and at the callee. */
  readonly signal?: AbortSignal | undefined
  /** Running it twice does no harm: tells the callee; who repeats calls is the layer above. @default false */
  readonly idempotent?: boolean | undefined
  /** What the callee is told beside the params. @default nothing */
  readonly fields?: RequestFields | undefined
  /** The path fell silent under the call, which continues all the same. `giveUp` ends it, here and at the callee. */
  readonly onDoubt?: ((giveUp: () => void) => void) | undefined
}

/** A call in flight: its own entry in the timer wheel and its own abort listener. */
class PendingCall extends WheelEntry {
  readonly id: number
  readonly method: string
  readonly timeoutMs: number
  readonly idempotent: boolean
  readonly promise: Promise<unknown>
  readonly signal: AbortSignal | undefined
  readonly onDoubt: LinkCallOptions['onDoubt']
  /** The request while it waits for its turn, and after; undefined: it went out with the frames of its tick. */
  queued: QueuedFrame | undefined
  readonly #calls: OutboundCalls
  #resolve!: (value: unknown) => void
  #reject!: (error: MeshError) => void

  constructor(
    calls: OutboundCalls,
    id: number,
    method: string,
    timeoutMs: number,
    { signal, idempotent = false, onDoubt }: LinkCallOptions,
  ) {
    super()
    this.#calls = calls
    this.id = id
    this.method = method
    this.timeoutMs = timeoutMs
    this.idempotent = idempotent
    this.signal = signal
    this.onDoubt = onDoubt
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Its request can be sent: from now on its signal ends it. */
  begin(): void {
    this.signal?.addEventListener('abort', this)
  }

  override expire(): void {
    this.#calls.giveUp(this, 'deadline_exceeded', `no answer within ${Math.round(this.timeoutMs)} ms`)
  }

  handleEvent(): void {
    this.#calls.giveUp(this, 'cancelled', 'cancelled by the caller')
  }

  resolve(value: unknown): void {
    this.signal?.removeEventListener('abort', this)
    this.#resolve(value)
  }

  reject(error: MeshError): void {
    this.signal?.removeEventListener('abort', this)
    this.#reject(error)
  }

  fail(code: ErrorCode, reason: string, options: MeshErrorOptions = {}): void {
    this.reject(new MeshError(code, `Cannot call ${this.method}: ${reason}`, options))
  }
}

/** The calls that this side makes over one link. */
export class OutboundCalls {
  readonly #outbox: Outbox
  readonly #budget: ByteBudget
  readonly #wheel: TimerWheel
  readonly #limits: LinkLimits
  readonly #onIdle: () => void
  readonly #pending = new IdTable<PendingCall>()
  #lastId = 0
  #writtenId = 0
  #made = 0
  /** Why no new call is taken. */
  #ended: { code: ErrorCode; reason: string } | undefined

  constructor(outbox: Outbox, budget: ByteBudget, wheel: TimerWheel, limits: LinkLimits, onIdle: () => void) {
    this.#outbox = outbox
    this.#budget = budget
    this.#wheel = wheel
    this.#limits = limits
    this.#onIdle = onIdle
  }

  get size(): number {
    return this.#pending.size
  }

  get made(): number {
    return this.#made
  }

  /** Whether the peer takes no more calls on this link. */
  get ended(): boolean {
    return this.#ended !== undefined
  }

  call(method: string, value: unknown, options: LinkCallOptions): Promise<unknown> {
    try {
      return this.#start(method, value, options).promise
    } catch (error) {
      return Promise.reject(error as MeshError)
    }
  }

  #start(method: string, value: unknown, options: LinkCallOptions): PendingCall {
    const { timeoutMs = callTimeoutMs, signal, fields, dueAt = this.#wheel.now() + timeoutMs } = options
    this.#check(method, timeoutMs, signal)
    const id = this.#freeId()
    const body = encodeBody(value, 'params', method)
    const header = fields === undefined ? undefined : encodeFields(fields)
    const call = new PendingCall(this, id, method, timeoutMs, options)
    const direct = this.#outbox.takes(body)
    if (direct) this.#outbox.encoder.request(id, method, timeoutMs, call.idempotent, body, header)
    else call.queued = this.#queue(call, body, header, dueAt)
    call.begin()
    this.#lastId = id
    this.#made++
    this.#pending.add(call)
    this.#wheel.schedule(call, dueAt)
    if (direct) this.#outbox.appended()
    return call
  }

  #queue(
    { id, method, timeoutMs, idempotent }: PendingCall,
    body: EncodedBody,
    header: EncodedFields,
    dueAt: number,
  ): QueuedFrame {
    const encode = (encoder: FrameEncoder): void =>
      encoder.request(id, method, timeoutMs, idempotent, body, header)
    return this.#outbox.queue({ body, encode, dueAt })
  }

  #check(method: string, timeoutMs: number, signal: AbortSignal | undefined): void {
    if (this.#ended !== undefined) throw refusal(method, this.#ended.code, this.#ended.reason)
    if (signal?.aborted === true) throw refusal(method, 'cancelled', 'cancelled by the caller')
    if (!Number.isFinite(timeoutMs))
      throw refusal(method, 'invalid_argument', `its timeout is ${timeoutMs} ms`)
    if (timeoutMs <= 0) throw refusal(method, 'deadline_exceeded', 'no time is left')
    if (this.#pending.size >= this.#limits.outbound)
      throw refusal(method, 'overloaded', `${this.#pending.size} calls are in flight`)
    if (!this.#budget.hasRoom)
      throw refusal(method, 'overloaded', `${this.#budget.used} bytes wait on this link`)
  }

  #freeId(): number {
    let id = this.#lastId
    do id = (id + 1) >>> 0 || 1
    while (this.#pending.get(id) !== undefined)
    return id
  }

  /** Whether a call waits for an answer. */
  awaits(id: number): boolean {
    return this.#pending.get(id) !== undefined
  }

  /** All that was appended to the encoder is with the stream now. */
  written(): void {
    this.#writtenId = this.#lastId
  }

  onResponse(frame: ResponseFrame): void {
    const call = this.#take(frame.id)
    if (call === undefined) return
    try {
      call.resolve(frame.body.value())
    } catch (error) {
      call.reject(error as MeshError)
    }
  }

  onError(frame: ErrorFrame): void {
    this.#take(frame.id)?.reject(decodeError(frame.code, frame.body, frame.notStarted))
  }

  onUnreadable(id: number): void {
    this.#take(id)?.fail('unsupported', 'the answer needs a later version of the protocol')
  }

  /** The peer starts no call after `lastId`. */
  onGoingAway(lastId: number): void {
    this.#ended = { code: 'going_away', reason: 'the peer is going away' }
    for (const { id } of this.#pending.all()) {
      if (!isLaterId(id, lastId)) continue
      this.#take(id)?.fail('going_away', 'the peer goes away and did not start it', { notStarted: true })
    }
  }

  /** The path is silent: the callers may ask elsewhere meanwhile. */
  doubt(): void {
    for (const call of this.#pending.all())
      call.onDoubt?.(() => this.giveUp(call, 'cancelled', 'another member answered first'))
  }

  /** The path is silent and there is another: what may run twice is asked again there, whatever becomes of it here. */
  forsake(): void {
    for (const call of this.#pending.all())
      if (call.idempotent) this.giveUp(call, 'path_lost', 'its path fell silent')
  }

  giveUp(call: PendingCall, code: ErrorCode, reason: string): void {
    if (this.#pending.get(call.id) !== call) return
    const withdrawn = call.queued?.state === 'waiting'
    this.#take(call.id)
    if (!withdrawn) {
      this.#outbox.encoder.cancel(call.id)
      this.#outbox.appended()
    }
    call.fail(code, reason, { notStarted: withdrawn })
  }

  /** The link is gone. */
  close(reason: string, cause: unknown): void {
    this.#ended = { code: 'unavailable', reason }
    for (const call of this.#pending.all()) {
      const notStarted = this.#isUnwritten(call)
      this.#take(call.id)?.fail(notStarted ? 'unavailable' : 'path_lost', reason, { cause, notStarted })
    }
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#pending.get(id)
    if (call === undefined) return undefined
    this.#pending.remove(call)
    this.#wheel.cancel(call)
    if (call.queued !== undefined) this.#outbox.drop(call.queued)
    if (this.#pending.size === 0) this.#onIdle()
    return call
  }

  /** Whether the callee cannot have read all of the request. */
  #isUnwritten({ id, queued }: PendingCall): boolean {
    return queued === undefined ? isLaterId(id, this.#writtenId) : queued.state !== 'written'
  }
}

const refusal = (method: string, code: ErrorCode, reason: string): MeshError =>
  new MeshError(code, `Cannot call ${method}: ${reason}`, { notStarted: true })

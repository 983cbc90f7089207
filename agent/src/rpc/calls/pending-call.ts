import { MeshError, type ErrorCode, type MeshErrorOptions } from '@agent-mesh/protocol/errors'
import { largeBodyBytes } from '@agent-mesh/protocol/body-reference'
import type { RequestFields } from '@agent-mesh/protocol/wire/index'
import { WheelEntry } from '../../core/timer-wheel.ts'
import type { QueuedFrame } from '../send-queue.ts'

export interface LinkCallOptions {
  /** ms until the call ends with `deadline_exceeded`. @default 30,000 */
  readonly timeoutMs?: number | undefined
  /** Monotonic ms (the wheel's clock) when `timeoutMs` are over, where the caller knows it. @default the clock is read */
  readonly dueAt?: number | undefined
  /** Ends the call with `cancelled`, here and at the callee. */
  readonly signal?: AbortSignal | undefined
  /** Running it twice does no harm: sent to the callee. Calls are repeated by the layer above. @default false */
  readonly idempotent?: boolean | undefined
  /** Fields that the request carries beside the params. @default none */
  readonly fields?: RequestFields | undefined
  /** A result of more bytes is refused. @default 64 MiB */
  readonly mostBytes?: number | undefined
  /** The path fell silent under the call, which continues all the same. `giveUp` ends it, here and at the callee. */
  readonly onDoubt?: ((giveUp: () => void) => void) | undefined
}

/** The owner of calls. */
export interface CallOwner {
  /** Ends a call of this side, here and at the callee. */
  giveUp(call: PendingCall, code: ErrorCode, reason: string): void
}

/** A call in flight: its own entry in the timer wheel and its own abort listener. */
export class PendingCall extends WheelEntry {
  readonly id: number
  readonly method: string
  readonly timeoutMs: number
  readonly idempotent: boolean
  readonly promise: Promise<unknown>
  readonly signal: AbortSignal | undefined
  readonly onDoubt: LinkCallOptions['onDoubt']
  /** The request while it waits for its turn, and after; undefined: it was sent with the frames of its tick. */
  queued: QueuedFrame | undefined
  /** Bytes that its result may have. */
  readonly mostBytes: number
  /** Ends the fetching of a result that no frame carries; undefined: it is not answered, or the frame had it. */
  fetching: AbortController | undefined
  protected readonly calls: CallOwner
  #resolve!: (value: unknown) => void
  #reject!: (error: MeshError) => void

  constructor(
    calls: CallOwner,
    id: number,
    method: string,
    timeoutMs: number,
    { signal, idempotent = false, onDoubt, mostBytes = largeBodyBytes }: LinkCallOptions,
  ) {
    super()
    this.calls = calls
    this.id = id
    this.method = method
    this.timeoutMs = timeoutMs
    this.idempotent = idempotent
    this.signal = signal
    this.onDoubt = onDoubt
    this.mostBytes = mostBytes
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
    this.calls.giveUp(this, 'deadline_exceeded', `no answer within ${Math.round(this.timeoutMs)} ms`)
  }

  handleEvent(): void {
    this.calls.giveUp(this, 'cancelled', 'cancelled by the caller')
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

/** A call that was not begun. */
export const refusal = (method: string, code: ErrorCode, reason: string): MeshError =>
  new MeshError(code, `Cannot call ${method}: ${reason}`, { notStarted: true })

import { MeshError } from '@agent-mesh/protocol/errors'
import type { RequestFrame } from '@agent-mesh/protocol/wire/index'
import { WheelEntry } from './timer-wheel.ts'

/** What a handler is told about the call it serves. */
export interface InboundCall {
  readonly method: string
  /** The caller says that running it twice does no harm. */
  readonly idempotent: boolean
  /** Monotonic ms (the wheel's clock) when the call ends with `deadline_exceeded`. */
  readonly deadline: number
  /** Aborted when the caller gave up, the deadline passed or the link broke. Made on first use. */
  readonly signal: AbortSignal
  /**
   * The params, parsed now.
   * @throws MeshError `protocol_error` when they are not JSON
   */
  params(): unknown
}

/** A call of the peer whose answer is open: its own entry in the timer wheel. */
export class InboundRequest extends WheelEntry implements InboundCall {
  readonly deadline: number
  readonly #frame: RequestFrame
  readonly #onExpire: (request: InboundRequest) => void
  #controller: AbortController | undefined
  #endedBy: MeshError | undefined
  #open = true

  constructor(frame: RequestFrame, deadline: number, onExpire: (request: InboundRequest) => void) {
    super()
    this.#frame = frame
    this.deadline = deadline
    this.#onExpire = onExpire
  }

  get id(): number {
    return this.#frame.id
  }

  get method(): string {
    return this.#frame.method
  }

  get idempotent(): boolean {
    return this.#frame.idempotent
  }

  /** Whether an answer may still be sent. */
  get open(): boolean {
    return this.#open
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#endedBy !== undefined) this.#controller.abort(this.#endedBy)
    }
    return this.#controller.signal
  }

  params(): unknown {
    return this.#frame.body.value()
  }

  override expire(): void {
    this.#onExpire(this)
  }

  /** The answer was sent. */
  answered(): void {
    this.#open = false
  }

  /** Nobody waits any more: tells the handler. */
  end(error: MeshError): void {
    this.#open = false
    this.#endedBy = error
    this.#controller?.abort(error)
  }
}

import { MeshError } from '@agent-mesh/protocol/errors'
import type { FetchedBody } from '../bodies/body-carrier.ts'
import { maxTimeoutMs } from '@agent-mesh/protocol/wire/index'
import type { EncodedBody, FrameBody, RequestFields, RequestFrame } from '@agent-mesh/protocol/wire/index'
import type { QueuedFrame } from '../send-queue.ts'
import type { InboundStream, ServedStream } from '../streams/inbound-stream.ts'
import { WheelEntry } from '../../core/timer-wheel.ts'
import type { TurnEntry } from '../turn-queue.ts'

/** Serves a request: implemented by the calls of its link. */
export interface RequestServer {
  /** Runs the handler. Must not throw. */
  serve(request: InboundRequest): void
  /** It waited too long for its turn. */
  shed(request: InboundRequest, waitedMs: number): void
  /** Its caller gave up before its turn came. */
  dropped(request: InboundRequest): void
  /** Its deadline has passed. */
  expired(request: InboundRequest): void
  /** Brings params that are still at the caller. */
  fetch(request: InboundRequest, reference: FrameBody, mostBytes: number): Promise<FetchedBody>
  /** It released this many bytes of its frame. */
  freed(bytes: number): void
}

/** What a handler knows about the call it serves. */
export interface InboundCall {
  readonly method: string
  /** The caller says that running it twice does no harm. */
  readonly idempotent: boolean
  /** What the caller said beside the params. */
  readonly fields: RequestFields
  /** Messages in both directions; undefined: it is a plain call. */
  readonly stream: ServedStream | undefined
  /** Whether an answer may still be sent. */
  readonly open: boolean
  /** Monotonic ms (the wheel's clock) when the call ends with `deadline_exceeded`; Infinity of a stream that has none. */
  readonly deadline: number
  /** Monotonic ms when its turn came. */
  readonly startedAt: number
  /** Why the caller does not wait for the answer any more; undefined while it does. */
  readonly endedBy: MeshError | undefined
  /** Aborted when the caller gave up, the deadline passed or the link broke. Made on first use. */
  readonly signal: AbortSignal
  /**
   * Brings params that are too large for a frame from the caller. @returns undefined: they came with the request
   * @throws MeshError `too_large` for more than `mostBytes`, `overloaded`, `path_lost`, why the call ended
   */
  load(mostBytes: number): Promise<void> | undefined
  /**
   * The params, parsed now; the bytes they came in are forgotten, so they can be read once.
   * @throws MeshError `protocol_error` when they are not JSON, `internal` the second time
   */
  params(): unknown
}

/** A call of the peer whose answer is open: its own entry in the timer wheel and in the turn queue. */
export class InboundRequest extends WheelEntry implements InboundCall, TurnEntry {
  readonly id: number
  readonly method: string
  readonly idempotent: boolean
  readonly fields: RequestFields
  readonly stream: InboundStream | undefined
  readonly arrivedAt: number
  readonly deadline: number
  /** The answer that waits for its turn, or for room to be queued. */
  reply: QueuedFrame | EncodedBody | undefined
  #body: FrameBody | undefined
  /** The body refers to params that are still at the caller. */
  #elsewhere: boolean
  #fetched: FetchedBody | undefined
  /** Bytes that count as held. */
  #held: number
  readonly #server: RequestServer
  #controller: AbortController | undefined
  #endedBy: MeshError | undefined
  #open = true
  #startedAt = 0

  /**
   * @param arrivedAt monotonic ms
   * @param stream of a request that opens one
   * @param held bytes of the frame that count until they are parsed or the caller no longer waits
   */
  constructor(
    frame: RequestFrame,
    arrivedAt: number,
    server: RequestServer,
    held = 0,
    stream?: InboundStream,
  ) {
    super()
    this.id = frame.id
    this.method = frame.method
    this.idempotent = frame.idempotent
    this.fields = frame.fields
    this.#body = frame.body
    this.#elsewhere = frame.elsewhere
    this.#held = held
    this.arrivedAt = arrivedAt
    this.stream = stream
    this.deadline =
      stream !== undefined && frame.timeoutMs === maxTimeoutMs ? Infinity : arrivedAt + frame.timeoutMs
    this.#server = server
  }

  /** Whether an answer may still be sent. */
  get open(): boolean {
    return this.#open
  }

  /** Monotonic ms; 0: its turn has not come. */
  get startedAt(): number {
    return this.#startedAt
  }

  get endedBy(): MeshError | undefined {
    return this.#endedBy
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#endedBy !== undefined) this.#controller.abort(this.#endedBy)
    }
    return this.#controller.signal
  }

  load(mostBytes: number): Promise<void> | undefined {
    const reference = this.#body
    if (!this.#elsewhere || reference === undefined) return undefined
    return this.#server.fetch(this, reference, mostBytes).then(fetched => {
      if (!this.#open) return fetched.release()
      this.#elsewhere = false
      this.#fetched = fetched
      this.#body = fetched.body
    })
  }

  params(): unknown {
    const body = this.#body
    if (body === undefined || this.#elsewhere)
      throw new MeshError('internal', `Cannot read the params of ${this.method} again`)
    this.#free()
    return body.value()
  }

  /** Its handler has ended: what it was given counts no more. */
  handled(): void {
    this.#fetched?.release()
  }

  start(now: number): void {
    this.#startedAt = now
    this.#server.serve(this)
  }

  shed(waitedMs: number): void {
    this.#server.shed(this, waitedMs)
  }

  drop(): void {
    this.#server.dropped(this)
  }

  override expire(): void {
    this.#server.expired(this)
  }

  /** The answer was sent. */
  answered(): void {
    this.#open = false
    this.#free()
    this.stream?.end(new MeshError('cancelled', `Cannot use the stream of ${this.method}: it has ended`))
  }

  /** The caller no longer waits: aborts the handler's signal. */
  end(error: MeshError): void {
    this.#open = false
    this.#endedBy = error
    this.#free()
    this.#controller?.abort(error)
    this.stream?.end(error)
  }

  #free(): void {
    this.#body = undefined
    if (this.#held === 0) return
    this.#server.freed(this.#held)
    this.#held = 0
  }
}

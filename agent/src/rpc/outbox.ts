import { FrameEncoder, linkFeatures, type EncodedBody } from '@agent-mesh/protocol/wire/index'
import type { ByteStream } from '../core/byte-stream.ts'
import { BulkLane, isSmall, type QueuedInit } from './bulk-lane.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { Compression } from './compression.ts'
import { unreadBytes } from './defaults.ts'
import type { QueuedFrame } from './send-queue.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'

/**
 * Flushed before the tick ends. A tick in one piece makes two idle processes take turns: one waits while the other works.
 * In pieces of this size both work at once (+ 40 % throughput with 64 small calls in flight); smaller ones cost more in
 * system calls than they gain.
 */
const flushBytes = 4 * 1024
/**
 * Large frames leave together, this many at most: each takes longer to make than to send, and a write, a TLS record and a turn of the
 * reader cost as much for one as for three (+ 10 % throughput with 8 and with 64 objects of 10 KB in flight, - 4 % with 3).
 */
const flushFrames = 3
/**
 * Messages of streams are gathered up to this: three TLS records, less than the encoder allocates at a time. Their maker waits for the
 * stream and not for an answer.
 */
const gatherBytes = 48 * 1024

/** Its callbacks run when the tick ends. queueMicrotask, which follows the asynchronous context, takes 0.3 us more. */
const endOfTick = Promise.resolve()

export interface OutboxInit {
  readonly stream: ByteStream
  /** Counts what waits in the lane of requests and answers. */
  readonly budget: ByteBudget
  /** Its clock, and the time of the next part. */
  readonly wheel: TimerWheel
  readonly events: OutboxEvents
}

export interface OutboxEvents {
  /** The stream has accepted what was appended to the encoder. */
  written(): void
  /** The stream accepts more again. */
  drained(): void
  /** The stream failed. */
  failed(error: Error): void
}

/**
 * Gathers the frames of a tick and hands them to the stream in one send. There are two lanes. What is appended to
 * {@link encoder} goes out with the next send: control frames always, small requests and answers as long as the stream
 * takes more. All others are queued and take turns behind them.
 */
export class Outbox {
  readonly encoder = new FrameEncoder()
  readonly #lane: BulkLane
  readonly #stream: ByteStream
  readonly #events: OutboxEvents
  readonly #flush = (): void => this.flush()
  /** Streams that wait until they may send. */
  #waiting = new Set<() => void>()
  readonly #endTurn = (): void => {
    this.#gathering = false
    this.flush()
  }
  /** Undefined: the peer does not read compressed bodies. */
  #compression: Compression | undefined
  #batches = false
  /** Appended since the last send. */
  #frames = 0
  #gathering = false
  #scheduled = false
  #blocked = false
  #paused = false
  #closed = false
  #writes = 0
  #bytes = 0
  #progressAt: number

  constructor({ stream, budget, wheel, events }: OutboxInit) {
    this.#lane = new BulkLane(this.encoder, budget, wheel, this.#flush)
    this.#stream = stream
    this.#events = events
    this.#progressAt = wheel.now()
    stream.onDrain(() => {
      if (this.#blocked) this.#progressAt = wheel.now()
      this.#blocked = false
      this.flush()
      this.#events.drained()
    })
  }

  get writes(): number {
    return this.#writes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Monotonic ms when a full stream last accepted more. */
  get progressAt(): number {
    return this.#progressAt
  }

  /** Bytes that wait: for their turn, or because the stream takes no more. */
  get backlog(): number {
    return this.#lane.bytes + (this.#blocked ? this.encoder.pending : 0)
  }

  /** Whether the stream has accepted everything, and accepts more. */
  get isEmpty(): boolean {
    return this.#lane.isEmpty && this.encoder.pending === 0 && !this.#blocked
  }

  /** The peer says, or shows by any other first frame, what it understands: bits of {@link linkFeatures}. */
  learn(features: number): void {
    this.#lane.learn((features & linkFeatures.parts) !== 0)
    this.#batches = (features & linkFeatures.batches) !== 0
    this.#schedule()
  }

  /** The peer reads compressed bodies. */
  compress(compression: Compression): void {
    this.#compression = compression
  }

  /** Whether the peer reads small messages of streams together. */
  get batches(): boolean {
    return this.#batches
  }

  /** A body as it goes out on this path, compressed or not. */
  packed<Body extends EncodedBody>(body: Body): Body | EncodedBody {
    return this.#compression === undefined ? body : this.#compression.apply(body, this.#lane.bytesPerMs)
  }

  /** The peer has read so many parts. @throws MeshError `protocol_error` when they are more than were sent */
  delivered(count: number): void {
    this.#lane.delivered(count)
    this.flush()
  }

  /** The peer has answered a ping that was sent at monotonic ms `sentAt`. */
  measured(sentAt: number): void {
    this.#lane.measured(sentAt)
  }

  /** The peer has answered the ping ahead of a large frame. */
  asked(): void {
    this.#lane.onAnswer()
    this.flush()
  }

  /** Whether what is appended to the encoder goes out with the next send, behind nothing that waits. */
  get open(): boolean {
    return !this.#blocked && !this.#lane.hasSmall
  }

  /**
   * Calls back once when it is {@link open} again, however often a callback waits: a peer causes that with each credit it gives.
   * Earlier callbacks may have filled it again by then: check.
   */
  whenOpen(callback: () => void): void {
    this.#waiting.add(callback)
    this.#schedule()
  }

  /** Whether a request or answer with this body may be appended to the encoder; else it must be queued. */
  takes(body: EncodedBody): boolean {
    return this.open && isSmall(body)
  }

  /** Called after each frame appended to the encoder. */
  appended(): void {
    this.#frames++
    if (this.#blocked) this.#holdReading()
    else if (this.#isEnough()) this.flush()
    else this.#schedule()
  }

  #isEnough(): boolean {
    const { pending } = this.encoder
    return pending > flushBytes && (this.#frames >= flushFrames || pending > gatherBytes)
  }

  /**
   * Called after each message of a stream appended to the encoder: it goes out with the other frames of this turn of the event loop. The
   * ticks of a generator are too short: each message would be a write of its own.
   */
  gathered(): void {
    if (this.#blocked) return this.#holdReading()
    if (this.encoder.pending > gatherBytes) return this.flush()
    if (this.#scheduled || this.#gathering) return
    this.#gathering = true
    setImmediate(this.#endTurn)
  }

  /** Queues a request or an answer. @throws MeshError what encoding it throws */
  queue(init: QueuedInit): QueuedFrame {
    const frame = this.#lane.add(init)
    this.#schedule()
    return frame
  }

  /** Sends no more of a queued frame; a frame that was written entirely is not affected. */
  drop(frame: QueuedFrame): void {
    if (this.#lane.drop(frame)) this.appended()
  }

  /** Sends what may be sent now. */
  flush(): void {
    this.#scheduled = false
    while (!this.#blocked && !this.#closed) {
      if (!this.#lane.isEmpty) this.#lane.fill()
      if (this.encoder.pending === 0) break
      this.#send()
    }
    if (this.#waiting.size > 0 && this.open && !this.#closed) this.#wake()
  }

  /** Sends everything before the end, whether the stream is full or not; requests that were not begun are dropped. */
  flushAll(): void {
    if (this.encoder.pending > 0) this.#send()
    while (!this.#closed && this.#lane.fillLast()) this.#send()
  }

  close(): void {
    this.#closed = true
    this.#lane.close()
  }

  /** Streams take turns: each sends after the one before it has stopped. */
  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const callback of waiting) callback()
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked) return
    this.#scheduled = true
    void endOfTick.then(this.#flush)
  }

  #send(): void {
    if (!this.#stream.writable) {
      // What waits was never written; the end of the stream reports that to the callers.
      this.#blocked = true
      return
    }
    this.#writes++
    this.#frames = 0
    this.#bytes += this.encoder.pending
    const pieces = this.encoder.takePieces()
    try {
      this.#blocked = !this.#stream.send(pieces.length === 1 ? pieces[0]! : pieces)
      if (this.#paused && !this.#blocked) this.#readOn()
      this.#lane.written()
      this.#events.written()
    } catch (error) {
      if (!this.#closed) this.#events.failed(error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Stops reading from a peer that sends requests and does not read the answers. */
  #holdReading(): void {
    if (this.#paused || this.encoder.pending <= unreadBytes) return
    this.#paused = true
    this.#stream.pause()
  }

  #readOn(): void {
    this.#paused = false
    this.#stream.resume()
  }
}

import { FrameEncoder, textBytes, wireLimits, type EncodedBody } from '@agent-mesh/protocol/wire/index'
import type { ByteBudget } from './byte-budget.ts'
import { partBytes } from './defaults.ts'
import { QueuedFrame, SendQueue } from './send-queue.ts'
import { SendWindow } from './send-window.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import { WakeUp } from './wake-up.ts'

/** Parts are gathered up to this for one send: less than the encoder allocates at a time. */
const gatherBytes = 48 * 1024

/** Of the pings that the lane sends itself. */
export const askId = 0

/** How the frame of a queued request or answer is made. */
export interface QueuedInit {
  readonly body: EncodedBody
  readonly encode: (encoder: FrameEncoder) => void
  /** Of a request: monotonic ms of its deadline. */
  readonly dueAt?: number
  /** Called when the stream has accepted all of it. */
  readonly onWritten?: () => void
}

/** Whether a body fits into one part. */
export function isSmall({ json, tail }: EncodedBody): boolean {
  const bytes = tail?.byteLength ?? 0
  if (json === undefined) return bytes <= partBytes
  if (bytes + json.length * 3 <= partBytes) return true
  return bytes + json.length <= partBytes && bytes + textBytes(json) <= partBytes
}

/**
 * The requests and answers that wait for their turn. Large ones go in parts; only as many parts are on their way as the path
 * carries without delaying a ping. A peer that does not read parts gets whole frames.
 */
export class BulkLane {
  readonly #encoder: FrameEncoder
  readonly #budget: ByteBudget
  readonly #wheel: TimerWheel
  readonly #nextPart: WakeUp
  readonly #queue = new SendQueue()
  readonly #window = new SendWindow()
  readonly #mayLarge = (): boolean => this.#takesLarge()
  /** Queued frames whose last byte is in the encoder. */
  #ending: QueuedFrame[] = []
  /** Whether the peer reads frames in parts; undefined: it has sent nothing yet. */
  #parts: boolean | undefined
  /** Monotonic ms of the ping that goes ahead of large frames, while it is unanswered. */
  #askedAt: number | undefined
  #lastNumber = 0
  #bytes = 0

  /**
   * @param encoder to which the turns are appended
   * @param flush called when the time of the next part has come
   */
  constructor(encoder: FrameEncoder, budget: ByteBudget, wheel: TimerWheel, flush: () => void) {
    this.#encoder = encoder
    this.#budget = budget
    this.#wheel = wheel
    this.#nextPart = new WakeUp(wheel, flush)
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** Of the path, bytes a ms; Infinity while it is not known. */
  get bytesPerMs(): number {
    return this.#window.bytesPerMs
  }

  get isEmpty(): boolean {
    return this.#queue.size === 0
  }

  /** Whether small frames wait: later ones must not overtake them. */
  get hasSmall(): boolean {
    return this.#queue.hasSmall
  }

  /** The peer says, or shows by any other first frame, whether it reads frames in parts. */
  learn(parts: boolean): void {
    this.#parts = parts
  }

  /** The peer has read so many parts. @throws MeshError `protocol_error` when they are more than were sent */
  delivered(count: number): void {
    this.#window.delivered(count, this.#wheel.now())
  }

  /** The peer has answered a ping that was sent at monotonic ms `sentAt`. */
  measured(sentAt: number): void {
    this.#window.measured(sentAt, this.#wheel.now())
  }

  /** The peer has answered ping {@link askId}. */
  onAnswer(): void {
    if (this.#askedAt !== undefined) this.measured(this.#askedAt)
    this.#askedAt = undefined
  }

  /** @throws MeshError what encoding it throws */
  add({ body, encode, ...init }: QueuedInit): QueuedFrame {
    const encoder = new FrameEncoder(wireLimits, 0)
    encode(encoder)
    const frame = new QueuedFrame({ ...init, bytes: encoder.take(), large: !isSmall(body) })
    this.#queue.add(frame)
    this.#bytes += frame.size
    this.#budget.take(frame.size)
    if (frame.large && this.#window.isRested(this.#wheel.now())) this.#ask()
    return frame
  }

  /** Sends no more of a queued frame; a frame that was written entirely is not affected. @returns whether something was appended */
  drop(frame: QueuedFrame): boolean {
    if (frame.state !== 'waiting' || frame.left === 0) return false
    const begun = frame.number !== 0
    if (begun) this.#encoder.drop(frame.number)
    this.#remove(frame)
    return begun
  }

  /** Appends what may be sent now, up to one send. */
  fill(): void {
    while (this.#encoder.pending < gatherBytes) {
      const frame = this.#queue.next(this.#mayLarge)
      if (frame === undefined) return
      this.#takeTurn(frame)
    }
  }

  /** Appends the rest of a queued answer; requests are not begun any more. @returns whether there was one */
  fillLast(): boolean {
    const last = this.#queue.all().find(({ dueAt }) => dueAt === undefined)
    if (last !== undefined) this.#append(last, last.size)
    return last !== undefined
  }

  /** The stream has accepted what was appended. */
  written(): void {
    if (this.#ending.length === 0) return
    const ended = this.#ending
    this.#ending = []
    for (const frame of ended) {
      frame.state = 'written'
      this.#budget.give(frame.size)
      frame.onWritten?.()
    }
  }

  close(): void {
    this.#nextPart.cancel()
    for (const frame of [...this.#queue.all(), ...this.#ending.splice(0)]) this.#remove(frame)
  }

  /**
   * A ping goes ahead of the first large frame, and of the first after a rest. Whether the peer reads parts is unknown until it sends
   * something; any answer shows it, since settings precede the answer. The window waits for a ping when the empty path was not
   * measured for long.
   */
  #ask(): void {
    if (this.#askedAt !== undefined) return
    this.#askedAt = this.#wheel.now()
    this.#encoder.ping(askId)
  }

  #takesLarge(): boolean {
    if (this.#parts !== true) return this.#parts === false
    const now = this.#wheel.now()
    if (this.#window.hasRoom(now)) return true
    if (this.#window.wantsPing(now)) this.#ask()
    if (this.#window.nextAt > now) this.#nextPart.by(this.#window.nextAt)
    return false
  }

  #takeTurn(frame: QueuedFrame): void {
    const { dueAt, large, number } = frame
    // The timer wheel reports it to its caller at the next tick.
    if (number === 0 && dueAt !== undefined && dueAt <= this.#wheel.now()) return this.#remove(frame)
    this.#append(frame, large && this.#parts === true ? this.#window.partBytes : frame.size)
  }

  /** Appends the next bytes of a queued frame: unchanged when they are the whole frame, else as a part. */
  #append(frame: QueuedFrame, most: number): void {
    const now = this.#wheel.now()
    const whole = frame.number === 0 && most >= frame.size
    const bytes = frame.take(most, now)
    if (whole) {
      this.#encoder.frame(bytes)
    } else {
      if (frame.number === 0) frame.number = this.#lastNumber = (this.#lastNumber + 1) >>> 0 || 1
      this.#encoder.part(frame.number, bytes)
      this.#window.sent(bytes.byteLength, now)
    }
    this.#bytes -= bytes.byteLength
    if (frame.left > 0) return
    this.#queue.remove(frame)
    this.#ending.push(frame)
  }

  #remove(frame: QueuedFrame): void {
    this.#queue.remove(frame)
    this.#bytes -= frame.left
    this.#budget.give(frame.size)
    frame.drop()
  }
}

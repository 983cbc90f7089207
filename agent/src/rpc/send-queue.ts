/** The lane of requests and answers: they take turns, large ones in parts. */
import { putRemainingMs } from '@agent-mesh/protocol/wire/index'
import { partBytes, turnsAtATime } from './defaults.ts'

export interface QueuedFrameInit {
  /** The whole frame. */
  readonly bytes: Uint8Array
  /** It may be cut. */
  readonly large: boolean
  /** Of a request: monotonic ms of its deadline. The time left is written when its turn comes. */
  readonly dueAt?: number
  /** Called when the stream has accepted all of it. */
  readonly onWritten?: () => void
}

const nothing = new Uint8Array(0)

/** A request or an answer that waits for its turn. */
export class QueuedFrame {
  readonly size: number
  readonly large: boolean
  readonly dueAt: number | undefined
  readonly onWritten: (() => void) | undefined
  /** Its number among the frames that this side sent in parts; 0: not begun in parts. */
  number = 0
  state: 'waiting' | 'written' | 'dropped' = 'waiting'
  #bytes: Uint8Array
  #at = 0

  constructor({ bytes, large, dueAt, onWritten }: QueuedFrameInit) {
    this.#bytes = bytes
    this.size = bytes.byteLength
    this.large = large
    this.dueAt = dueAt
    this.onWritten = onWritten
  }

  /** Bytes that were not taken yet. */
  get left(): number {
    return this.size - this.#at
  }

  /** The next bytes, at most so many. */
  take(most: number, now: number): Uint8Array {
    if (this.#at === 0 && this.dueAt !== undefined) putRemainingMs(this.#bytes, this.dueAt - now)
    const bytes = this.#bytes.subarray(this.#at, this.#at + most)
    this.#at += bytes.byteLength
    // Frees the bytes: its call may stay open for long.
    if (this.#at === this.size) this.#bytes = nothing
    return bytes
  }

  /** Nothing more of it is sent. */
  drop(): void {
    this.state = 'dropped'
    this.#bytes = nothing
  }
}

/** The order of frames: small ones in order of arrival, and one part of a large one after each 16 KiB of small ones. */
export class SendQueue {
  readonly #small = new Set<QueuedFrame>()
  /** Large ones in their order, of which the first few take turns. */
  readonly #turning: QueuedFrame[] = []
  readonly #large = new Set<QueuedFrame>()
  /** Bytes of small frames since the last part. */
  #smallRun = 0

  get size(): number {
    return this.#small.size + this.#turning.length + this.#large.size
  }

  /** Whether small frames wait: later ones must not overtake them. */
  get hasSmall(): boolean {
    return this.#small.size > 0
  }

  add(frame: QueuedFrame): void {
    if (!frame.large) this.#small.add(frame)
    else if (this.#turning.length < turnsAtATime) this.#turning.push(frame)
    else this.#large.add(frame)
  }

  remove(frame: QueuedFrame): void {
    if (this.#small.delete(frame) || this.#large.delete(frame)) return
    const at = this.#turning.indexOf(frame)
    if (at === -1) return
    this.#turning.splice(at, 1)
    const [next] = this.#large
    if (next === undefined) return
    this.#large.delete(next)
    this.#turning.push(next)
  }

  /** @param mayLarge whether a part may be sent now; asked only when it would be */
  next(mayLarge: () => boolean): QueuedFrame | undefined {
    const [small] = this.#small
    const smallFirst = small !== undefined && this.#smallRun < partBytes
    if (!smallFirst && this.#turning.length > 0 && mayLarge()) {
      this.#smallRun = 0
      const turn = this.#turning.shift()!
      this.#turning.push(turn)
      return turn
    }
    if (small !== undefined) this.#smallRun += small.size
    return small
  }

  all(): QueuedFrame[] {
    return [...this.#small, ...this.#turning, ...this.#large]
  }
}

import { frameTypes, type Frame, type PartFrame } from './frame.ts'
import { getU32 } from './integers.ts'
import { lengthBytes, preambleBytes, wireLimits, type WireLimits } from './limits.ts'
import { MethodNames } from './method-names.ts'
import { malformed, parseFrame } from './parse-frame.ts'

/** Most frames of one sender that may be cut at a time. */
export const maxCutFrames = 8

/** What the first part says of a frame that is cut. */
export interface CutFrame {
  /** Type number of the frame, and the request it is about. */
  readonly of: number
  readonly id: number
  /** Of the whole frame. */
  readonly bytes: number
  /** Monotonic ms when the first part arrived. */
  readonly begunAt: number
}

export interface AssemblerEvents {
  /** @returns whether the frame is wanted; otherwise its parts are skipped without further calls */
  begun(cut: CutFrame): boolean
  /** @param frame undefined for a type that this version does not know */
  complete(cut: CutFrame, frame: Frame | undefined): void
  /** Its sender sends no more of it. */
  dropped(cut: CutFrame): void
}

/** First allocation for a cut frame, and how much larger each next one is: bytes that arrived are copied for each. */
const firstBytes = 4 * 1024
const growth = 8
const nothing = Buffer.alloc(0)

class OpenCut implements CutFrame {
  readonly of: number
  readonly id: number
  readonly bytes: number
  readonly begunAt: number
  wanted = true
  held = 0
  #buffer = nothing

  constructor(first: Buffer, limits: WireLimits, begunAt: number) {
    if (first.length < preambleBytes) throw malformed(`a first part of ${first.length} bytes`)
    this.bytes = lengthBytes + getU32(first, 0)
    this.of = first[4] ?? 0
    this.id = getU32(first, 8)
    this.begunAt = begunAt
    const most = preambleBytes + limits.headerBytes + limits.bodyBytes
    if (this.bytes < preambleBytes || this.bytes > most) throw malformed(`a cut frame of ${this.bytes} bytes`)
    if (this.of >= frameTypes.settings) throw malformed(`a cut frame of type ${this.of}`)
  }

  /**
   * @param left bytes that follow in the same part
   * @returns the bytes of the whole frame when they are all there; what is not wanted is only counted
   */
  add(bytes: Buffer, left: number): Buffer | undefined {
    const held = this.held + bytes.length
    if (held + left > this.bytes) throw malformed(`${held + left} bytes in parts of a frame of ${this.bytes}`)
    if (this.wanted) {
      if (held > this.#buffer.length) this.#grow(held)
      bytes.copy(this.#buffer, this.held)
    }
    this.held = held
    return held === this.bytes ? this.#buffer : undefined
  }

  /** At most eight times what has arrived, never what is announced. */
  #grow(held: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(this.bytes, Math.max(firstBytes, held * growth)))
    this.#buffer.copy(larger, 0, 0, this.held)
    this.#buffer = larger
  }
}

/** Puts frames together that arrive in parts, several at a time. */
export class FrameAssembler {
  readonly #events: AssemblerEvents
  readonly #limits: WireLimits
  readonly #names = new MethodNames()
  readonly #open = new Map<number, OpenCut>()

  constructor(events: AssemblerEvents, limits = wireLimits) {
    this.#events = events
    this.#limits = limits
  }

  /** Frames whose last part has not arrived. */
  get size(): number {
    return this.#open.size
  }

  /**
   * @param now monotonic ms
   * @throws MeshError `protocol_error` for parts that make no frame
   */
  onPart({ id, bytes, left }: PartFrame, now: number): void {
    const cut = this.#open.get(id) ?? this.#begin(id, bytes, now)
    const whole = cut.add(bytes, left)
    if (whole === undefined) return
    // A malformed one stays open until it is dropped with the rest: its bytes are given back then.
    const frame = cut.wanted ? parseFrame(whole, 0, whole.length, this.#limits, this.#names) : undefined
    this.#open.delete(id)
    if (cut.wanted) this.#events.complete(cut, frame)
  }

  /** Drops a cut frame whose rest does not arrive; nothing happens when it is not open. */
  onDrop(id: number): void {
    const cut = this.#open.get(id)
    if (cut === undefined) return
    this.#open.delete(id)
    if (cut.wanted) this.#events.dropped(cut)
  }

  /** Drops everything. */
  stop(): void {
    for (const id of [...this.#open.keys()]) this.onDrop(id)
  }

  #begin(id: number, first: Buffer, now: number): OpenCut {
    if (this.#open.size >= maxCutFrames) throw malformed(`more than ${maxCutFrames} cut frames at a time`)
    const cut = new OpenCut(first, this.#limits, now)
    cut.wanted = this.#events.begun(cut)
    this.#open.set(id, cut)
    return cut
  }
}

import type { Frame } from './frame.ts'
import { getU32 } from './integers.ts'
import { lengthBytes, preambleBytes, wireLimits, type WireLimits } from './limits.ts'
import { MethodNames } from './method-names.ts'
import { malformed, parseFrame, partStartBytes } from './parse-frame.ts'

const empty = Buffer.alloc(0)
/** First allocation for a frame cut by a chunk's end; grows with what really arrives, not with what is announced. */
const firstHoldBytes = 4 * 1024
/** A frame up to this size, the largest that is not sent in parts, is held in a buffer of its size from the beginning. */
const exactHoldBytes = 17 * 1024

/**
 * Cuts arbitrary chunks into frames. A frame within one chunk is parsed in place; one that spans chunks is gathered in
 * a buffer of its own, never larger than the frame limit nor than twice what arrived. A part that spans chunks is handed over
 * as it arrives, each time as a view on the chunk.
 */
export class FrameDecoder {
  readonly #limits: WireLimits
  readonly #maxBytes: number
  readonly #onFrame: (frame: Frame) => void
  readonly #names = new MethodNames()
  #held = empty
  #heldBytes = 0
  /** The part that was handed over as far as it has arrived. */
  #partId = 0
  #partLeft = 0
  #skipped = 0
  #stopped = false

  constructor(onFrame: (frame: Frame) => void, limits = wireLimits) {
    this.#onFrame = onFrame
    this.#limits = limits
    this.#maxBytes = preambleBytes + limits.headerBytes + limits.bodyBytes
  }

  /** Frames of unknown type that were skipped. */
  get skipped(): number {
    return this.#skipped
  }

  /** Bytes of the frame that is not complete yet. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Bytes allocated for it. */
  get heldCapacity(): number {
    return this.#held.length
  }

  /** Ignores everything from now on, also from inside `onFrame`. */
  stop(): void {
    this.#stopped = true
    this.#release()
  }

  /**
   * Takes the next chunk, which the decoder may keep views on.
   * @throws MeshError `protocol_error` for a malformed frame; the stream is then of no further use
   */
  push(data: Uint8Array): void {
    const chunk = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    let at = this.#heldBytes > 0 ? this.#gather(chunk) : 0
    if (this.#partLeft > 0) at = this.#goOn(chunk, at)
    while (!this.#stopped && chunk.length - at >= lengthBytes) {
      const end = at + this.#sizeAt(chunk, at)
      if (end > chunk.length && !isPartBegun(chunk, at, end)) break
      this.#emit(chunk, at, end)
      at = end
    }
    if (!this.#stopped && at < chunk.length) this.#hold(chunk, at, chunk.length)
  }

  /** Completes the held frame, or the beginning of a part; returns where the rest of the chunk starts. */
  #gather(chunk: Buffer): number {
    let at = this.#holdUpTo(lengthBytes, chunk, 0)
    if (this.#heldBytes < lengthBytes) return at
    const size = this.#sizeAt(this.#held, 0)
    at = this.#holdUpTo(preambleBytes, chunk, at)
    if (this.#heldBytes < preambleBytes) return at
    const needed = partStartBytes(this.#held, 0, size)
    at = this.#holdUpTo(needed, chunk, at)
    if (this.#heldBytes < needed) return at
    const frame = this.#held.subarray(0, needed)
    this.#release()
    this.#emit(frame, 0, size)
    return at
  }

  /** Hands over the next bytes of a part; returns where the rest of the chunk starts. */
  #goOn(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#partLeft, chunk.length)
    const left = (this.#partLeft -= end - at)
    if (end > at) this.#onFrame({ type: 'part', id: this.#partId, bytes: chunk.subarray(at, end), left })
    return end
  }

  /** Holds more of the chunk until so many bytes are held; returns where the rest of the chunk starts. */
  #holdUpTo(bytes: number, chunk: Buffer, at: number): number {
    const end = Math.min(at + Math.max(0, bytes - this.#heldBytes), chunk.length)
    if (end > at) this.#hold(chunk, at, end)
    return end
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    const bytes = this.#heldBytes + end - start
    if (bytes > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(this.#capacity(bytes, chunk, start))
      this.#held.copy(larger, 0, 0, this.#heldBytes)
      this.#held = larger
    }
    chunk.copy(this.#held, this.#heldBytes, start, end)
    this.#heldBytes = bytes
  }

  /** @returns bytes to allocate when `bytes` of a frame have arrived, the last of them from `start` of `chunk` */
  #capacity(bytes: number, chunk: Buffer, start: number): number {
    const first = this.#heldBytes === 0
    if (first && chunk.length - start >= lengthBytes) {
      const size = this.#sizeAt(chunk, start)
      if (size <= exactHoldBytes) return size
    }
    return Math.max(firstHoldBytes, Math.min(bytes * 2, this.#maxBytes))
  }

  #release(): void {
    this.#held = empty
    this.#heldBytes = 0
    this.#partLeft = 0
  }

  #sizeAt(bytes: Buffer, at: number): number {
    const size = lengthBytes + getU32(bytes, at)
    if (size < preambleBytes) throw malformed(`a length of ${size - lengthBytes} bytes`)
    if (size > this.#maxBytes)
      throw malformed(`a length of ${size - lengthBytes} bytes, the limit is ${this.#maxBytes}`)
    return size
  }

  #emit(bytes: Buffer, at: number, end: number): void {
    const frame = parseFrame(bytes, at, end, this.#limits, this.#names)
    if (frame === undefined) return void this.#skipped++
    if (frame.type === 'part') {
      this.#partId = frame.id
      this.#partLeft = frame.left
    }
    this.#onFrame(frame)
  }
}

/** Whether so much of frame `chunk[at, end)` has arrived that it can be handed over as far as it is there. */
const isPartBegun = (chunk: Buffer, at: number, end: number): boolean =>
  chunk.length - at >= preambleBytes && chunk.length - at >= partStartBytes(chunk, at, end)

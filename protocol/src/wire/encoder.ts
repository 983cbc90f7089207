import { MeshError } from '../errors.ts'
import type { EncodedBody } from './body.ts'
import { CompressedBody } from './compressed-body.ts'
import { frameFlags, frameTypes } from './frame.ts'
import { FrameBuffer } from './frame-buffer.ts'
import { putU16, putU32 } from './integers.ts'
import { dataFrameCost, lengthBytes, methodBytes, preambleBytes, wireLimits } from './limits.ts'
import { entryBytes, fullBatchBytes, rawEntry } from './message-batch.ts'
import { wireMs } from './remaining-ms.ts'
import type { EncodedFields } from './request-fields.ts'
import { textBytes } from './text-bytes.ts'

/** Texts that may take more bytes than this are measured before room is made for them. */
const exactBytes = 16 * 1024
/** UTF-16 units become at most this many bytes of UTF-8 each. */
const utf8PerUnit = 3

const byReference = (elsewhere: boolean): number => (elsewhere ? frameFlags.elsewhere : 0)
const tailFlag = (body: EncodedBody): number =>
  body instanceof CompressedBody ? frameFlags.compressed : frameFlags.tail

const byCallee = (fromCallee: boolean): number => (fromCallee ? frameFlags.fromCallee : 0)

export interface DataPiece {
  readonly tail: boolean
  readonly more: boolean
}

/**
 * Appends frames to its buffer; {@link FrameEncoder.take} hands over all of them as one chunk,
 * {@link FrameEncoder.takePieces} without a copy of what was large and ready. What was taken is never written to again, so a
 * transport may keep it as long as it likes. A frame that throws leaves no trace.
 */
export class FrameEncoder extends FrameBuffer {
  readonly #limits
  #method = ''
  #methodBytes = Buffer.alloc(0)
  /** The frame that takes more messages, as long as it is the last one and where it was. */
  #batchAt = 0
  #batchEnd = -1
  #batchMoves = 0
  #batchId = 0
  #batchFlags = 0

  /** @param firstBytes allocated at once; with 0 the buffer is made for the first frame, and no larger than it needs */
  constructor(limits = wireLimits, firstBytes?: number) {
    super(firstBytes)
    this.#limits = limits
  }

  /**
   * @param elsewhere the body refers to the params
   * @throws MeshError `invalid_argument` for a method name of no or over 255 bytes, `too_large` for the body
   */
  request(
    id: number,
    method: string,
    timeoutMs: number,
    idempotent: boolean,
    body: EncodedBody,
    fields?: EncodedFields,
    stream = false,
    elsewhere = false,
  ): void {
    const extra = fields === undefined ? 0 : fields.byteLength
    const at = this.#open(5 + method.length * utf8PerUnit + extra, body)
    const slab = this.slab
    const header = at + preambleBytes
    const size = this.#writeMethod(method, header + 5)
    if (size === 0 || size > methodBytes) {
      throw new MeshError(
        'invalid_argument',
        `Cannot call '${method.slice(0, 80)}': the name has ${size} bytes`,
      )
    }
    putU32(slab, header, wireMs(timeoutMs))
    slab[header + 4] = size
    if (fields !== undefined) slab.set(fields, header + 5 + size)
    const flags = (idempotent ? frameFlags.idempotent : 0) | (stream ? frameFlags.stream : 0)
    this.#close(at, frameTypes.request, flags | byReference(elsewhere), id, 5 + size + extra, body)
  }

  /** @param elsewhere the body refers to the result @throws MeshError `too_large` for the body */
  response(id: number, body: EncodedBody, elsewhere = false): void {
    this.#close(this.#open(0, body), frameTypes.response, byReference(elsewhere), id, 0, body)
  }

  /** @throws MeshError `too_large` for the body */
  error(id: number, code: string, body: EncodedBody, notStarted = false): void {
    const at = this.#open(1 + code.length * utf8PerUnit, body)
    const size = this.slab.write(code, at + preambleBytes + 1, 'utf8')
    this.slab[at + preambleBytes] = size
    this.#close(at, frameTypes.error, notStarted ? frameFlags.notStarted : 0, id, 1 + size, body)
  }

  /** A message of a stream in one frame. @throws MeshError `too_large` for the body */
  data(id: number, fromCallee: boolean, body: EncodedBody): void {
    this.#close(this.#open(0, body), frameTypes.streamData, byCallee(fromCallee), id, 0, body)
  }

  /**
   * A message of a stream that {@link isBatched}; it joins the last frame where that has messages of the same stream.
   * @returns bytes that it takes of the credit
   */
  batched(id: number, fromCallee: boolean, { json, tail }: EncodedBody): number {
    const flags = byCallee(fromCallee)
    this.reserve(preambleBytes + entryBytes + (json?.length ?? 0) * utf8PerUnit + (tail?.byteLength ?? 0))
    const joins = this.#batchEnd === this.next && this.#batchMoves === this.moves
    const opens = !joins || this.#batchId !== id || this.#batchFlags !== flags
    const at = opens ? this.#openBatch(id, flags) : this.next
    const { slab } = this
    const start = at + entryBytes
    if (tail !== undefined) slab.set(tail, start)
    const size = tail?.byteLength ?? (json === undefined ? 0 : slab.write(json, start, 'utf8'))
    putU16(slab, at, tail === undefined ? size : size | rawEntry)
    const end = start + size
    putU32(slab, this.#batchAt, end - this.#batchAt - lengthBytes)
    this.next = end
    this.#batchEnd = end - this.#batchAt < fullBatchBytes ? end : -1
    return end - at + (opens ? dataFrameCost : 0)
  }

  /** @returns where its first message begins */
  #openBatch(id: number, flags: number): number {
    const at = this.next
    this.#close(at, frameTypes.streamBatch, flags, id, 0)
    this.#batchAt = at
    this.#batchMoves = this.moves
    this.#batchId = id
    this.#batchFlags = flags
    return at + preambleBytes
  }

  /**
   * The next bytes of a message that takes several frames.
   * @param bytes of its body as {@link bodyBytes} makes it; not to be changed from now on
   */
  dataPiece(id: number, fromCallee: boolean, bytes: Uint8Array, { tail, more }: DataPiece): void {
    const flags = byCallee(fromCallee) | (tail ? frameFlags.tail : 0) | (more ? frameFlags.more : 0)
    this.#raw(frameTypes.streamData, flags, id, bytes)
  }

  /** @param credit bytes, a u32 */
  credit(id: number, fromCallee: boolean, credit: number): void {
    const at = this.#open(4)
    putU32(this.slab, at + preambleBytes, credit)
    this.#close(at, frameTypes.streamCredit, byCallee(fromCallee), id, 4)
  }

  /** No more messages come, or are wanted. @param error why, when they are not complete */
  end(id: number, fromCallee: boolean, error?: { code: string; body: EncodedBody }): void {
    const code = error?.code ?? ''
    const at = this.#open(1 + code.length * utf8PerUnit, error?.body)
    const size = this.slab.write(code, at + preambleBytes + 1, 'utf8')
    this.slab[at + preambleBytes] = size
    this.#close(at, frameTypes.streamEnd, byCallee(fromCallee), id, 1 + size, error?.body)
  }

  cancel(id: number): void {
    this.#bare(frameTypes.cancel, id)
  }

  ping(id: number): void {
    this.#bare(frameTypes.ping, id)
  }

  pong(id: number): void {
    this.#bare(frameTypes.pong, id)
  }

  goingAway(lastId: number, drainMs: number): void {
    const at = this.#open(8)
    putU32(this.slab, at + preambleBytes, lastId)
    putU32(this.slab, at + preambleBytes + 4, wireMs(drainMs))
    this.#close(at, frameTypes.goingAway, 0, 0, 8)
  }

  settings(features: number): void {
    const at = this.#open(4)
    putU32(this.slab, at + preambleBytes, features)
    this.#close(at, frameTypes.settings, 0, 0, 4)
  }

  /** @param bytes of a complete frame; not to be changed from now on */
  frame(bytes: Uint8Array): void {
    this.add(bytes)
  }

  /** @param bytes the next ones of frame `id`; not to be changed from now on */
  part(id: number, bytes: Uint8Array): void {
    this.#raw(frameTypes.part, 0, id, bytes)
  }

  /** @param count of the parts read so far, mod 2^32 */
  delivered(count: number): void {
    this.#bare(frameTypes.delivered, count)
  }

  drop(id: number): void {
    this.#bare(frameTypes.drop, id)
  }

  /** @param bytes one message of failure detection; not to be changed from now on */
  swim(bytes: Uint8Array): void {
    this.#raw(frameTypes.swim, 0, 0, bytes)
  }

  #raw(type: number, flags: number, id: number, bytes: Uint8Array): void {
    const at = this.#open(0)
    this.#close(at, type, flags, id, 0)
    putU32(this.slab, at, preambleBytes - lengthBytes + bytes.byteLength)
    this.add(bytes)
  }

  #bare(type: number, id: number): void {
    this.#close(this.#open(0), type, 0, id, 0)
  }

  /** Room for a frame of at most this size; where it begins. */
  #open(headerMax: number, body?: EncodedBody): number {
    const json = body?.json?.length ?? 0
    const tail = body?.tail?.byteLength ?? 0
    if (json + tail > this.#limits.bodyBytes) throw this.#tooLarge(json + tail)
    const text = json * utf8PerUnit > exactBytes ? textBytes(body?.json ?? '') : json * utf8PerUnit
    const most = preambleBytes + headerMax + lengthBytes + text + tail
    this.reserve(most)
    return this.next
  }

  /** Writes the body and then, sizes known, the preamble; only now the frame exists. */
  #close(at: number, type: number, flags: number, id: number, header: number, body?: EncodedBody): void {
    const start = at + preambleBytes + header
    const end = body === undefined ? start : this.#write(start, body)
    if (end - start > this.#limits.bodyBytes) throw this.#tooLarge(end - start)
    const slab = this.slab
    putU32(slab, at, end - at - lengthBytes)
    slab[at + 4] = type
    slab[at + 5] = body?.tail === undefined ? flags : flags | tailFlag(body)
    putU16(slab, at + 6, header)
    putU32(slab, at + 8, id)
    this.next = end
  }

  #write(start: number, body: EncodedBody): number {
    const { json, tail } = body
    if (tail === undefined) return json === undefined ? start : start + this.slab.write(json, start, 'utf8')
    const text = start + lengthBytes
    const size = json === undefined ? 0 : this.slab.write(json, text, 'utf8')
    putU32(this.slab, start, body instanceof CompressedBody ? body.textBytes : size)
    this.slab.set(tail, text + size)
    return text + size + tail.byteLength
  }

  /** @returns the bytes of the name, which is encoded anew only when it differs from the last one. */
  #writeMethod(method: string, at: number): number {
    const slab = this.slab
    if (method !== this.#method) {
      this.#method = method
      this.#methodBytes = Buffer.from(method, 'utf8')
    }
    const bytes = this.#methodBytes
    for (let i = 0; i < bytes.length; i++) slab[at + i] = bytes[i]!
    return bytes.length
  }

  #tooLarge(size: number): MeshError {
    const limit = this.#limits.bodyBytes
    return new MeshError('too_large', `Cannot send ${size} bytes in a frame: the limit is ${limit}`)
  }
}

/**
 * Reads the frames of yamux (github.com/hashicorp/yamux, spec.md):
 *
 *     u8 version 0 | u8 type | u16 flags | u32 stream | u32 length | data, of a data frame
 *
 * The data of a frame is passed on when all of it is there, so that a relay sends it on in as few writes as it came. The stock decoder
 * bounds its length by the window of its stream only then; here its header is enough. Frames that are more than data for an open
 * stream are left to the stock muxer.
 *
 * What a stranger may cost is bounded: see {@link strangerBytes}.
 */
import { Uint8ArrayList } from 'uint8arraylist'
import { addPiece } from '../../core/add-piece.ts'
import { handOver } from './direct-streams.ts'
import { framedStreamOf, type FramedStream, type FrameHeader, type FramingMuxer } from './hidden-parts.ts'

export const headerBytes = 12
const dataType = 0
const windowType = 1
const synFlag = 1
const nothing = new Uint8ArrayList()

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!
const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

/**
 * What the frames of a connection may cost until {@link FrameReader.trust}: hello, identify and the first calls of a member fit. The rest is
 * left in the connection until then, so that a member that opens many streams at once loses none.
 */
const strangerBytes = 512 * 1024
/** Beside its data a frame takes this (a piece that waits, or an answer), and a stream that it opens this: measured. */
const frameCost = 128
const streamCost = 16 * 1024

function costOf({ type, flag, length }: FrameHeader): number {
  const opens = type <= windowType && (flag & synFlag) !== 0
  return frameCost + (type === dataType ? length : 0) + (opens ? streamCost : 0)
}

export class FrameReader {
  readonly #muxer: FramingMuxer
  readonly #mostBytes: number
  readonly #onHeld: () => void
  /** What further frames may cost. */
  #credit = strangerBytes
  /** A frame that costs more, and what came after its header. */
  #held: { readonly header: FrameHeader; readonly after: Uint8Array[] } | undefined
  /** Of a frame whose header is cut by the end of a chunk. */
  readonly #head = new Uint8Array(headerBytes)
  #headBytes = 0
  /** Data of the current frame that has not arrived. */
  #left = 0
  /** Whose data it is; undefined: of a stream that is not open, or for the stock muxer. */
  #stream: FramedStream | undefined
  /** The header of a frame that the stock muxer gets. */
  #stockHeader: FrameHeader | undefined
  /** Data of the current frame that has arrived. */
  #pieces: Uint8Array[] = []

  /**
   * @param mostBytes of a frame: the largest window
   * @param onHeld no more is read until {@link trust}: the connection should pause
   */
  constructor(muxer: FramingMuxer, mostBytes: number, onHeld: () => void) {
    this.#muxer = muxer
    this.#mostBytes = mostBytes
    this.#onHeld = onHeld
  }

  /** The connection is a link: reads what was held, and all that comes. @throws Error for a frame that breaks the protocol */
  trust(): void {
    this.#credit = Infinity
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    this.#onFrame(held.header)
    for (const piece of held.after) this.push(piece)
  }

  /** @throws Error for a frame that breaks the protocol */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength;) {
      if (this.#held !== undefined) return addPiece(this.#held.after, chunk.subarray(at))
      if (this.#left > 0) at = this.#onData(chunk, at)
      else if (this.#headBytes === 0 && chunk.byteLength - at >= headerBytes) {
        this.#onHeader(chunk, at)
        at += headerBytes
      } else at = this.#holdHead(chunk, at)
    }
  }

  #holdHead(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.byteLength, at + headerBytes - this.#headBytes)
    this.#head.set(chunk.subarray(at, end), this.#headBytes)
    this.#headBytes += end - at
    if (this.#headBytes === headerBytes) {
      this.#headBytes = 0
      this.#onHeader(this.#head, 0)
    }
    return end
  }

  #onHeader(bytes: Uint8Array, at: number): void {
    if (bytes[at] !== 0) throw new Error(`a frame of yamux version ${bytes[at]}`)
    const [type, flag] = [bytes[at + 1]!, u16(bytes, at + 2)]
    const [streamID, length] = [u32(bytes, at + 4), u32(bytes, at + 8)]
    const header = { type, flag, streamID, length }
    if (type === dataType && length > this.#mostBytes) throw new Error(`a data frame of ${length} bytes`)
    this.#credit -= costOf(header)
    if (this.#credit >= 0) return this.#onFrame(header)
    this.#held = { header, after: [] }
    this.#onHeld()
  }

  #onFrame(header: FrameHeader): void {
    const { type, flag, streamID, length } = header
    if (type !== dataType) return this.#muxer.handleFrame({ header, data: nothing })
    if (flag !== 0 || streamID === 0) return this.#gather(header)
    const stream = this.#find(streamID)
    // The stock muxer has the error for that.
    if (stream !== undefined && length > stream.recvWindowCapacity)
      return this.#muxer.handleFrame({ header, data: nothing })
    this.#stream = stream
    this.#left = length
  }

  #find(id: number): FramedStream | undefined {
    if (this.#stream?.streamId === id && this.#stream.status === 'open') return this.#stream
    const found = this.#muxer.streams.find(stream => framedStreamOf(stream).streamId === id)
    return found === undefined ? undefined : framedStreamOf(found)
  }

  #gather(header: FrameHeader): void {
    const { length } = header
    if (length === 0) return this.#muxer.handleFrame({ header, data: nothing })
    this.#stream = undefined
    this.#stockHeader = header
    this.#left = length
  }

  #onData(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.byteLength, at + this.#left)
    this.#left -= end - at
    if (this.#stream !== undefined || this.#stockHeader !== undefined)
      addPiece(this.#pieces, end - at === chunk.byteLength ? chunk : chunk.subarray(at, end))
    if (this.#left === 0) this.#complete()
    return end
  }

  #complete(): void {
    const pieces = this.#pieces
    const header = this.#stockHeader
    this.#pieces = []
    this.#stockHeader = undefined
    if (header !== undefined) this.#muxer.handleFrame({ header, data: new Uint8ArrayList(...pieces) })
    else if (this.#stream !== undefined) for (const piece of pieces) deliver(this.#stream, piece)
  }
}

function deliver(stream: FramedStream, piece: Uint8Array): void {
  stream.recvWindowCapacity -= piece.byteLength
  if (!handOver(stream, piece)) stream.onData(piece)
  stream.sendWindowUpdate()
}

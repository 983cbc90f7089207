/** Bytes allocated at a time: some 500 small frames, and a chunk in flight keeps no more than this alive. */
const slabBytes = 64 * 1024
/** Bytes of a ready frame or part that are copied; more of them go as they are: a piece of its own costs less than the copy. */
const copiedBytes = 2 * 1024

/** One growing buffer that a {@link FrameEncoder} appends to; what was taken of it is never written to again. */
export class FrameBuffer {
  readonly #firstBytes: number
  protected slab: Buffer
  #start = 0
  /** Where the next frame begins. */
  protected next = 0
  /** What stands before the bytes from `#start` on. */
  #pieces: Uint8Array[] = []
  #pieceBytes = 0
  /** How often bytes were taken, or moved: what is known of where they stand is void then. */
  protected moves = 0

  /** @param firstBytes allocated at once; with 0 the buffer is made for the first frame, and no larger than it needs */
  constructor(firstBytes = slabBytes) {
    this.#firstBytes = firstBytes
    this.slab = Buffer.allocUnsafeSlow(firstBytes)
  }

  /** Bytes appended since the last {@link take}. */
  get pending(): number {
    return this.#pieceBytes + this.next - this.#start
  }

  /** All frames since the last call, one chunk that now belongs to the caller. */
  take(): Uint8Array {
    if (this.#pieces.length > 0) return Buffer.concat(this.takePieces())
    const chunk = this.slab.subarray(this.#start, this.next)
    this.#start = this.next
    this.moves++
    return chunk
  }

  /** As {@link take}; frames and parts that were appended ready are pieces of their own, views on what was given. */
  takePieces(): Uint8Array[] {
    this.#seal()
    const pieces = this.#pieces
    this.#pieces = []
    this.#pieceBytes = 0
    return pieces
  }

  protected add(bytes: Uint8Array): void {
    if (bytes.byteLength > copiedBytes) {
      this.#seal()
      this.#addPiece(bytes)
    } else {
      this.reserve(bytes.byteLength)
      this.slab.set(bytes, this.next)
      this.next += bytes.byteLength
    }
  }

  /** What was written to the slab since the last piece is the next one. */
  #seal(): void {
    if (this.next === this.#start) return
    this.#addPiece(this.slab.subarray(this.#start, this.next))
    this.#start = this.next
    this.moves++
  }

  #addPiece(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#pieceBytes += piece.byteLength
  }

  protected reserve(most: number): void {
    if (this.next + most > this.slab.length) this.#grow(most)
  }

  #grow(most: number): void {
    const pending = this.next - this.#start
    const slab = Buffer.allocUnsafeSlow(Math.max(this.#firstBytes, (pending + most) * (pending > 0 ? 2 : 1)))
    this.slab.copy(slab, 0, this.#start, this.next)
    this.slab = slab
    this.#start = 0
    this.next = pending
    this.moves++
  }
}

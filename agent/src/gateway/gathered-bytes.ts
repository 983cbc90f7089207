import { MeshError } from '@agent-mesh/protocol/errors'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Bytes that come in pieces, in one buffer that doubles. A list of the pieces would take 300 bytes for each, and the sender chooses
 * their size.
 */
export class GatheredBytes {
  #buffer = Buffer.alloc(0)
  #length = 0

  /** Bytes that were added since they were last taken. */
  get length(): number {
    return this.#length
  }

  add(piece: Uint8Array): void {
    const needed = this.#length + piece.length
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    this.#buffer.set(piece, this.#length)
    this.#length = needed
  }

  /** Takes them. */
  bytes(): Buffer {
    const taken = this.#buffer.subarray(0, this.#length)
    this.#buffer = Buffer.alloc(0)
    this.#length = 0
    return taken
  }

  /** Takes them as UTF-8, without a byte order mark. @throws MeshError invalid_argument */
  text(from: string): string {
    const bytes = this.bytes()
    try {
      return utf8.decode(bytes)
    } catch (cause) {
      throw new MeshError('invalid_argument', `Cannot read ${from}: it is not UTF-8`, { cause })
    }
  }
}

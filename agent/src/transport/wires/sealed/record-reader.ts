/**
 * Cuts the bytes of a connection into records. Those of TLS carry the handshake, sealed records follow it:
 *
 *     TLS      u8 20 to 23 | u16 version | u16 length | body
 *     sealed   u8 0x4d     | u24 length  | body: ciphertext and a tag of 16 bytes
 */
import type { Uint8ArrayList } from 'uint8arraylist'
import { addPiece } from '../../../core/add-piece.ts'

/** The first byte of a sealed record; those of TLS are 20 to 23, or 0 to 63 in all (RFC 7983). */
export const sealedType = 0x4d
export const sealedHeaderBytes = 4
export const tagBytes = 16

/** Plaintext of one sealed record at most: what a pipe is written in, and the header of its frame, and as much again. */
export const recordBytes = 128 * 1024
/** To peers of the first version of sealed records, which refuse longer ones. */
export const firstRecordBytes = 64 * 1024

const tlsHeaderBytes = 5
/** RFC 8446, 5.2: the plaintext of a record, and what its encryption may add. */
const tlsBodyBytes = 16 * 1024 + 256

export interface WireRecord {
  readonly sealed: boolean
  /** Header and body of a record of TLS in pieces; of a sealed one the body alone. */
  readonly pieces: Uint8Array[]
  /** Of all pieces. */
  readonly bytes: number
}

export class RecordReader {
  readonly #chunks: Uint8Array[] = []
  /** Of the first chunk, read already. */
  #offset = 0
  #bytes = 0

  push(data: Uint8Array | Uint8ArrayList): void {
    this.#bytes += data.byteLength
    if (data instanceof Uint8Array) addPiece(this.#chunks, data)
    else for (const chunk of data) addPiece(this.#chunks, chunk)
  }

  /** The next record that is complete. @throws Error when that is no record, or too long */
  next(): WireRecord | undefined {
    if (this.#bytes < tlsHeaderBytes) return undefined
    const type = this.#at(0)
    if (type === sealedType) {
      const bytes = (this.#at(1) << 16) | (this.#at(2) << 8) | this.#at(3)
      if (bytes <= tagBytes || bytes > recordBytes + tagBytes)
        throw new Error(`a sealed record of ${bytes} bytes`)
      if (this.#bytes < sealedHeaderBytes + bytes) return undefined
      this.#take(sealedHeaderBytes)
      return { sealed: true, pieces: this.#take(bytes), bytes }
    }
    if (type < 20 || type > 23) throw new Error(`a record of type ${type}`)
    const body = (this.#at(3) << 8) | this.#at(4)
    if (body > tlsBodyBytes) throw new Error(`a TLS record of ${body} bytes`)
    const bytes = tlsHeaderBytes + body
    if (this.#bytes < bytes) return undefined
    return { sealed: false, pieces: this.#take(bytes), bytes }
  }

  /** What arrived and was not read. */
  rest(): Uint8Array[] {
    return this.#take(this.#bytes)
  }

  #at(index: number): number {
    let at = index + this.#offset
    for (const chunk of this.#chunks) {
      if (at < chunk.byteLength) return chunk[at] as number
      at -= chunk.byteLength
    }
    throw new RangeError(`no byte ${index}`)
  }

  /** As many bytes as there are for sure. */
  #take(bytes: number): Uint8Array[] {
    const taken: Uint8Array[] = []
    this.#bytes -= bytes
    let used = 0
    for (let left = bytes; left > 0;) {
      const chunk = this.#chunks[used] as Uint8Array
      const end = Math.min(chunk.byteLength, this.#offset + left)
      taken.push(chunk.subarray(this.#offset, end))
      left -= end - this.#offset
      this.#offset = end
      if (end < chunk.byteLength) break
      this.#offset = 0
      used++
    }
    this.#chunks.splice(0, used)
    return taken
  }
}

/**
 * Bytes whose hash was computed of late. A process with several agents gets the same publication for each of them, and comparing 50 KiB
 * takes a tenth of the time of their hash. Bytes are kept from their second arrival on: an agent alone in its process keeps none.
 */

/** Bytes that are kept, of all publications together. */
const mostBytes = 1024 * 1024

export class KnownBodies {
  readonly #mostHashes: number
  /** By hash, the oldest first; undefined: they came once. */
  readonly #known = new Map<string, Uint8Array | undefined>()
  #bytes = 0

  /** @param mostHashes a count */
  constructor(mostHashes: number) {
    this.#mostHashes = mostHashes
  }

  /** Bytes that it keeps. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether bytes are the ones of this hash, as far as is known without computing it. */
  has(hash: string, bytes: Uint8Array): boolean {
    const known = this.#known.get(hash)
    return known !== undefined && Buffer.compare(known, bytes) === 0
  }

  /** @param bytes which have this hash. What is kept is a copy: programs are given these, and may change them */
  add(hash: string, bytes: Uint8Array): void {
    const isSecond = this.#known.has(hash)
    this.#drop(hash)
    const kept = isSecond ? new Uint8Array(bytes) : undefined
    this.#known.set(hash, kept)
    this.#bytes += kept?.byteLength ?? 0
    while (this.#known.size > this.#mostHashes || this.#bytes > mostBytes) {
      const [oldest] = this.#known.keys()
      this.#drop(oldest!)
    }
  }

  #drop(hash: string): void {
    this.#bytes -= this.#known.get(hash)?.byteLength ?? 0
    this.#known.delete(hash)
  }
}

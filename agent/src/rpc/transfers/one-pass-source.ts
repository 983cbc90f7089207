import { MeshError, toMeshError, transferLimits } from '@agent-mesh/protocol'
import { transferDefaults } from './defaults.ts'
import type { BlockSource } from './block-source.ts'

const { blockBytes } = transferLimits

/** A stream that is read once. Blocks are kept until the receiver has them, so that a new link can begin with any it misses. */
export class OnePassSource implements BlockSource {
  readonly bytes = undefined
  readonly name = undefined
  readonly repeatable = false
  readonly #from: AsyncIterator<Uint8Array>
  /** Blocks that the receiver may miss; the first is number `#first`. */
  readonly #kept: Buffer[] = []
  #first = 0
  /** Bytes of the last chunk that are in no block. */
  #rest: Uint8Array = new Uint8Array(0)
  #ended = false
  /** Why there is no more, when it is not complete. */
  #failure: MeshError | undefined
  #reading: Promise<void> | undefined
  #room = Promise.withResolvers<void>()

  constructor(from: AsyncIterable<Uint8Array>) {
    this.#from = from[Symbol.asyncIterator]()
  }

  async *blocks(from: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    if (from < this.#first)
      throw new MeshError(
        'conflict',
        `Cannot send again from block ${from}: the stream can be read only once`,
      )
    const aborted = Promise.withResolvers<never>()
    aborted.promise.catch(() => undefined)
    const stop = () => aborted.reject(signal.reason)
    signal.addEventListener('abort', stop)
    try {
      for (let at = from; ; at++) {
        signal.throwIfAborted()
        while (at >= this.#first + this.#kept.length && !this.#ended)
          await Promise.race([this.#more(), aborted.promise])
        if (this.#failure !== undefined && at >= this.#first + this.#kept.length) throw this.#failure
        const block = this.#kept[at - this.#first]
        if (block === undefined) return
        yield block
      }
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  received(count: number): void {
    const done = Math.min(count - this.#first, this.#kept.length)
    if (done <= 0) return
    this.#kept.splice(0, done)
    this.#first += done
    this.#room.resolve()
    this.#room = Promise.withResolvers()
  }

  close(): void {
    this.#ended = true
    void this.#from.return?.().catch(() => undefined)
  }

  /** One more block, or the end; while the receiver misses many, that it has one more. */
  #more(): Promise<void> {
    if (this.#kept.length >= transferDefaults.keptBlocks) return this.#room.promise
    return (this.#reading ??= this.#read()
      .catch((error: unknown) => {
        this.#failure = toMeshError(error, 'application', 'read what is sent')
        this.#ended = true
      })
      .finally(() => (this.#reading = undefined)))
  }

  async #read(): Promise<void> {
    const block = Buffer.allocUnsafeSlow(blockBytes)
    let filled = 0
    while (filled < blockBytes) {
      if (this.#rest.length === 0 && !(await this.#nextChunk())) break
      const taken = this.#rest.subarray(0, blockBytes - filled)
      block.set(taken, filled)
      filled += taken.length
      this.#rest = this.#rest.subarray(taken.length)
    }
    if (filled > 0) this.#kept.push(filled === blockBytes ? block : Buffer.from(block.subarray(0, filled)))
    if (filled < blockBytes) this.#ended = true
  }

  async #nextChunk(): Promise<boolean> {
    const next = await this.#from.next()
    if (next.done === true) return false
    if (!(next.value instanceof Uint8Array))
      throw new MeshError('invalid_argument', `Cannot send a ${typeof next.value}: a stream is of bytes`)
    this.#rest = next.value
    return true
  }
}

import type { ByteStream } from '../core/byte-stream.ts'

/** How bytes and ends reach the other end: later, in their order. */
export type Deliver = (work: () => void) => void

/**
 * Two ends of a stream inside this process.
 * @param deliver @default in a later microtask, as from a socket
 */
export function memoryStreams(deliver: Deliver = queueMicrotask): [ByteStream, ByteStream] {
  const a = new MemoryStream(deliver)
  const b = new MemoryStream(deliver)
  a.peer = b
  b.peer = a
  return [a, b]
}

class MemoryStream implements ByteStream {
  peer!: MemoryStream
  readonly #deliver: Deliver
  #onData: (chunk: Uint8Array) => void = () => {}
  #onClose: (error?: Error) => void = () => {}
  #closed = false

  constructor(deliver: Deliver) {
    this.#deliver = deliver
  }

  get writable(): boolean {
    return !this.#closed
  }

  send(chunk: Uint8Array | readonly Uint8Array[]): boolean {
    this.#deliver(() => {
      for (const piece of chunk instanceof Uint8Array ? [chunk] : chunk) this.peer.#receive(piece)
    })
    return true
  }

  onData(callback: (chunk: Uint8Array) => void): void {
    this.#onData = callback
  }

  /** Does nothing, as no writer would wait: everything that arrives is read. */
  pause(): void {}

  resume(): void {}

  /** Never calls back: the stream is never full. */
  onDrain(): void {}

  onClose(callback: (error?: Error) => void): void {
    this.#onClose = callback
  }

  close(): void {
    this.#deliver(() => this.#end(undefined))
  }

  abort(error: Error): void {
    queueMicrotask(() => this.#end(error))
  }

  #receive(chunk: Uint8Array): void {
    if (!this.#closed) this.#onData(chunk)
  }

  #end(error: Error | undefined): void {
    for (const end of [this, this.peer]) {
      if (end.#closed) continue
      end.#closed = true
      end.#onClose(error)
    }
  }
}

/** A pipe inside this process: two Node streams, with half-close, back pressure and delay both ways. */
import { Duplex } from 'node:stream'
import { MeshError } from '@agent-mesh/protocol'
import type { Deliver } from '../rpc/memory-stream.ts'

type Done = (error?: Error | null) => void

/** @param deliver how bytes and ends reach the other end */
export function memoryDuplexes(deliver: Deliver): [Duplex, Duplex] {
  const a = new MemoryDuplex(deliver)
  const b = new MemoryDuplex(deliver)
  a.peer = b
  b.peer = a
  return [a, b]
}

class MemoryDuplex extends Duplex {
  peer!: MemoryDuplex
  readonly #deliver: Deliver
  /** The write of the peer that waits for the reader here. */
  #unread: Done | undefined

  constructor(deliver: Deliver) {
    super({ allowHalfOpen: true })
    this.#deliver = deliver
  }

  override _read(): void {
    const done = this.#unread
    this.#unread = undefined
    if (done !== undefined) this.#deliver(done)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    // Its writer may use the memory again.
    const bytes = Buffer.from(chunk)
    this.#deliver(() => this.peer.#take(bytes, done))
  }

  override _final(done: Done): void {
    this.#deliver(() => {
      this.peer.push(null)
      done()
    })
  }

  override _destroy(error: Error | null, done: Done): void {
    const unread = this.#unread
    this.#unread = undefined
    unread?.()
    if (!this.readableEnded || !this.writableFinished) this.#deliver(() => this.peer.#reset(error))
    done(error)
  }

  #take(bytes: Buffer, done: Done): void {
    if (this.destroyed || this.push(bytes)) done()
    else this.#unread = done
  }

  #reset(cause: Error | null): void {
    if (this.destroyed) return
    const reason = 'Cannot continue the pipe: it was reset or its link is gone'
    this.destroy(new MeshError('path_lost', reason, { cause }))
  }
}

/** A libp2p stream as a Node stream: half-close and back pressure both ways, for what carries raw bytes. */
import { Duplex } from 'node:stream'
import type { Stream } from '@libp2p/interface'
import { MeshError } from '@agent-mesh/protocol'
import { Uint8ArrayList } from 'uint8arraylist'
import { isOver } from './byte-stream.ts'

type Done = (error?: Error | null) => void

/**
 * The stream's bytes. A loss of the link, or a reset by the peer, destroys it with `path_lost`; destroying it resets the stream.
 * @param onActivity called for each chunk either way
 */
export const duplexOf = (stream: Stream, onActivity: () => void = () => {}): Duplex =>
  new StreamDuplex(stream, onActivity)

class StreamDuplex extends Duplex {
  readonly #stream: Stream
  readonly #onActivity: () => void
  /** Called when the stream takes more. */
  #waiting: Done | undefined
  /** The peer said that nothing follows, as against a link that is lost. */
  #peerEnded: boolean

  constructor(stream: Stream, onActivity: () => void) {
    super({ allowHalfOpen: true })
    this.#stream = stream
    this.#onActivity = onActivity
    this.#peerEnded = stream.remoteWriteStatus === 'closed'
    stream.addEventListener('message', ({ data }) => this.#take(data))
    stream.addEventListener('remoteCloseWrite', () => void (this.#peerEnded = true))
    stream.addEventListener('end', () => this.#end())
    stream.addEventListener('close', ({ error }) => this.#closed(error))
    stream.addEventListener('drain', () => this.#drained())
    stream.addEventListener('idle', () => this.#drained())
    if (stream.readableEnded) queueMicrotask(() => this.#end())
    else if (isOver(stream)) queueMicrotask(() => this.#closed())
  }

  #take(data: Uint8Array | Uint8ArrayList): void {
    this.#onActivity()
    let more = true
    for (const chunk of data instanceof Uint8Array ? [data] : data) more = this.push(chunk)
    if (!more && this.#stream.readStatus === 'readable') this.#stream.pause()
  }

  #end(): void {
    if (this.#peerEnded) this.push(null)
  }

  #closed(error?: Error): void {
    if (this.#peerEnded && error === undefined) return
    this.destroy(
      new MeshError('path_lost', 'Cannot continue the pipe: it was reset or its link is gone', {
        cause: error,
      }),
    )
  }

  /** After libp2p, which writes in a microtask of the same event what its own buffer holds. */
  #drained(): void {
    if (this.#waiting === undefined) return
    queueMicrotask(() => {
      if (this.#stream.writableNeedsDrain || this.#stream.writeBufferLength > 0) return
      const done = this.#waiting
      this.#waiting = undefined
      done?.()
    })
  }

  override _read(): void {
    if (this.#stream.readStatus === 'paused') this.#stream.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#send(new Uint8ArrayList(...chunks.map(({ chunk }) => chunk)), done)
  }

  #send(data: Uint8Array | Uint8ArrayList, done: Done): void {
    this.#onActivity()
    try {
      if (this.#stream.send(data)) done()
      else this.#waiting = done
    } catch (cause) {
      done(new MeshError('path_lost', 'Cannot write to the pipe: it is closed', { cause }))
    }
  }

  override _final(done: Done): void {
    this.#stream.close().then(() => done(), done)
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!isOver(this.#stream))
      this.#stream.abort(error ?? new MeshError('cancelled', 'Cannot continue the pipe: it was destroyed'))
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(error)
    done(error)
  }
}

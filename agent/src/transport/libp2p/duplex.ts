/** A libp2p stream as a Node stream: half-close and back pressure both ways, for what carries raw bytes. */
import { Duplex } from 'node:stream'
import type { Stream } from '@libp2p/interface'
import { MeshError } from '@agent-mesh/protocol'
import { Uint8ArrayList } from 'uint8arraylist'
import type { ByteGate } from '../../core/byte-gate.ts'
import { countBuffers } from '../../core/young-garbage.ts'
import { isOver } from './byte-stream.ts'
import { onChunks, type Bytes } from './direct-streams.ts'

type Done = (error?: Error | null) => void

const nothing = new Uint8Array()

/** What a stream of raw bytes asks and tells its link. */
export interface DuplexLink {
  /** A chunk passes, either way. */
  onActivity: () => void
  /** Bounds what is sent. @default the stream alone does */
  pace: ByteGate | undefined
}

/** The stream's bytes. A loss of the link, or a reset by the peer, destroys it with `path_lost`; destroying it resets the stream. */
export const duplexOf = (stream: Stream, link: DuplexLink): Duplex => new StreamDuplex(stream, link)

class StreamDuplex extends Duplex {
  readonly #stream: Stream
  readonly #onActivity: () => void
  readonly #pace: ByteGate | undefined
  /** What is being written: its bytes that are left. */
  #left: Bytes = nothing
  /** Called when the stream takes more. */
  #waiting: Done | undefined
  /** The peer said that nothing follows, as against a link that is lost. */
  #peerEnded: boolean

  constructor(stream: Stream, { onActivity, pace }: DuplexLink) {
    super({ allowHalfOpen: true })
    this.#stream = stream
    this.#pace = pace
    this.#onActivity = onActivity
    this.#peerEnded = stream.remoteWriteStatus === 'closed'
    onChunks(stream, chunk => this.#take(chunk))
    stream.addEventListener('remoteCloseWrite', () => void (this.#peerEnded = true))
    stream.addEventListener('end', () => this.#end())
    stream.addEventListener('close', ({ error }) => this.#closed(error))
    stream.addEventListener('drain', () => this.#drained())
    stream.addEventListener('idle', () => this.#drained())
    if (stream.readableEnded) queueMicrotask(() => this.#end())
    else if (isOver(stream)) queueMicrotask(() => this.#closed())
  }

  #take(chunk: Uint8Array): void {
    countBuffers(chunk.byteLength)
    this.#onActivity()
    if (!this.push(chunk) && this.#stream.readStatus === 'readable') this.#stream.pause()
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

  #send(data: Bytes, done: Done): void {
    countBuffers(data.byteLength)
    this.#onActivity()
    this.#left = data
    this.#advance(done)
  }

  /** Hands over what is left, in pieces as there is room. */
  readonly #advance = (done: Done): void => {
    if (this.destroyed) return done()
    try {
      for (let bytes = this.#left.byteLength; bytes > 0; bytes = this.#left.byteLength) {
        const room = this.#pace === undefined ? bytes : this.#pace.room(bytes)
        if (room === 0) return this.#pace?.whenRoom(() => this.#advance(done))
        const piece = room < bytes ? part(this.#left, 0, room) : this.#left
        this.#left = room < bytes ? part(this.#left, room, bytes) : nothing
        const more = this.#stream.send(piece)
        this.#pace?.sent(room)
        if (!more) return void (this.#waiting = error => (error ? done(error) : this.#advance(done)))
      }
      done()
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

/** A view, no copy. */
const part = (bytes: Bytes, from: number, to: number): Bytes =>
  bytes instanceof Uint8Array ? bytes.subarray(from, to) : bytes.sublist(from, to)

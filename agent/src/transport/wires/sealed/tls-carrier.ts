/**
 * A connection without a TCP socket (a circuit, a WebSocket) as the Node stream that TLS runs over. Sealed records that
 * arrive during the handshake wait here for its end.
 */
import { Duplex } from 'node:stream'
import type { MessageStream, StreamMessageEvent } from '@libp2p/interface'
import { readStatusOf } from '../../libp2p/hidden-parts.ts'
import { RecordReader, type WireRecord } from './record-reader.ts'

type Done = (error?: Error | null) => void

/** Bytes of sealed records kept during the handshake, a yamux window; the connection is not read from beyond. */
const earlyBytes = 256 * 1024

/** What has arrived when the handshake is over. */
export interface Arrived {
  readonly early: readonly WireRecord[]
  readonly reader: RecordReader
}

export class TlsCarrier extends Duplex {
  readonly #connection: MessageStream
  readonly #reader = new RecordReader()
  #early: WireRecord[] = []
  #earlyBytes = 0
  /** TLS goes on: all bytes are its. */
  #isPlain = false
  #isReleased = false
  #waiting: Done | undefined

  constructor(connection: MessageStream) {
    super()
    this.#connection = connection
    connection.addEventListener('message', this.#onMessage)
    connection.addEventListener('drain', this.#onDrain)
    connection.addEventListener('close', this.#onClose)
    if (connection.status !== 'open') queueMicrotask(() => this.destroy())
  }

  /** From here on all bytes are those of TLS. */
  carryOn(): void {
    if (this.#early.length > 0) throw new Error('a sealed record without an agreement on it')
    this.#isPlain = true
    for (const chunk of this.#reader.rest()) this.push(chunk)
  }

  /** Ends it without the connection, which is the caller's now; it may be paused. */
  release(): Arrived {
    this.#isReleased = true
    this.#connection.removeEventListener('message', this.#onMessage)
    this.#connection.removeEventListener('drain', this.#onDrain)
    this.#connection.removeEventListener('close', this.#onClose)
    this.destroy()
    return { early: this.#early, reader: this.#reader }
  }

  readonly #onMessage = ({ data }: StreamMessageEvent): void => {
    if (this.#isPlain) return this.#pushAll(data instanceof Uint8Array ? [data] : data)
    try {
      this.#reader.push(data)
      for (let record = this.#reader.next(); record !== undefined; record = this.#reader.next())
        this.#take(record)
    } catch (error) {
      this.#connection.abort(error as Error)
    }
  }

  #take(record: WireRecord): void {
    if (!record.sealed) return this.#pushAll(record.pieces)
    this.#early.push(record)
    this.#earlyBytes += record.bytes
    if (this.#earlyBytes > earlyBytes) this.#pause()
  }

  #pushAll(chunks: Iterable<Uint8Array>): void {
    let more = true
    for (const chunk of chunks) more = this.push(chunk)
    if (!more) this.#pause()
  }

  #pause(): void {
    if (readStatusOf(this.#connection) === 'readable') this.#connection.pause()
  }

  readonly #onDrain = (): void => {
    const done = this.#waiting
    this.#waiting = undefined
    done?.()
  }

  readonly #onClose = ({ error }: { error?: Error }): void => void this.destroy(error)

  override _read(): void {
    if (this.#earlyBytes <= earlyBytes && readStatusOf(this.#connection) === 'paused')
      this.#connection.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    // What the socket writes when it is thrown away.
    if (this.#isReleased) return done()
    try {
      const more = this.#connection.send(chunk)
      // A handshake is a few KB. It must not overtake what follows it: nothing of it may wait here.
      if (more || !this.#isPlain) done()
      else this.#waiting = done
    } catch (error) {
      done(error as Error)
    }
  }

  override _final(done: Done): void {
    if (this.#isReleased) return done()
    this.#connection.close().then(() => done(), done)
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#waiting = undefined
    done(error)
  }
}

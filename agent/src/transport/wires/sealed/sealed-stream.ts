/** What goes over a connection in sealed records, as libp2p's muxers see it. Both end together. */
import type { AbortOptions, MessageStream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { countBuffers } from '../../../core/young-garbage.ts'
import { DirectMessageStream } from '../../libp2p/direct-message-stream.ts'
import { onChunks, sendPieces, type Bytes } from '../../libp2p/direct-streams.ts'
import { readStatusOf } from '../../libp2p/hidden-parts.ts'
import type { ConnectionKeys } from './record-keys.ts'
import type { RecordReader, WireRecord } from './record-reader.ts'
import { open, seal } from './seal.ts'
import type { Arrived } from './tls-carrier.ts'

export class SealedStream extends DirectMessageStream {
  readonly #connection: MessageStream
  readonly #keys: ConnectionKeys
  readonly #reader: RecordReader
  readonly #mostBytes: number
  #sealedSeen = false

  /** @param mostBytes of the plaintext of a record that the peer takes */
  constructor(
    connection: MessageStream,
    keys: ConnectionKeys,
    { early, reader }: Arrived,
    mostBytes: number,
  ) {
    const { log, inactivityTimeout, maxReadBufferLength, direction } = connection
    super({ log, inactivityTimeout, maxReadBufferLength, direction })
    this.#connection = connection
    this.#keys = keys
    this.#reader = reader
    this.#mostBytes = mostBytes
    connection.addEventListener('close', ({ error, local }) => this.#mirror(error, local === true))
    connection.addEventListener('drain', () => this.safeDispatchEvent('drain'))
    this.#read(early)
    onChunks(connection, chunk => this.#onChunk(chunk))
    if (connection.status !== 'open') this.#mirror(undefined, false)
    else if (readStatusOf(connection) === 'paused') connection.resume()
  }

  #onChunk(chunk: Uint8Array): void {
    countBuffers(chunk.byteLength)
    this.#reader.push(chunk)
    this.#read([])
  }

  #read(early: readonly WireRecord[]): void {
    try {
      for (const record of early) this.#open(record)
      for (let record = this.#reader.next(); record !== undefined; record = this.#reader.next())
        this.#open(record)
    } catch (error) {
      this.abort(error as Error)
    }
  }

  #open(record: WireRecord): void {
    if (record.sealed) {
      this.#sealedSeen = true
      this.onData(open(record, this.#keys.opening))
    } else if (this.#sealedSeen) throw new Error('a record of TLS after a sealed one')
    // What a server of TLS sends last: tickets for a resumption that there never is.
  }

  protected write(data: Bytes): boolean {
    countBuffers(data.byteLength)
    const list = data instanceof Uint8Array ? new Uint8ArrayList(data) : data
    return sendPieces(this.#connection, seal(list, this.#keys.sealing, this.#mostBytes))
  }

  async close(options?: AbortOptions): Promise<void> {
    await this.#connection.close(options)
  }

  sendReset(error: Error): void {
    this.#connection.abort(error)
  }

  sendPause(): void {
    if (readStatusOf(this.#connection) === 'readable') this.#connection.pause()
  }

  sendResume(): void {
    if (readStatusOf(this.#connection) === 'paused') this.#connection.resume()
  }

  /** The connection's end, with its reason: a failure must not look like a clean end. */
  #mirror(error: Error | undefined, local: boolean): void {
    if (error === undefined) this.onTransportClosed()
    else if (local) this.abort(error)
    else this.onRemoteReset()
  }
}

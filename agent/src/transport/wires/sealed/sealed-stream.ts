/** What goes over a connection in sealed records, as libp2p's muxers see it. Both end together. */
import type { AbortOptions, MessageStream, StreamMessageEvent } from '@libp2p/interface'
import { AbstractMessageStream, type SendResult } from '@libp2p/utils'
import { Uint8ArrayList } from 'uint8arraylist'
import { countBuffers } from '../../../core/young-garbage.ts'
import { readStatusOf } from '../../libp2p/hidden-parts.ts'
import type { ConnectionKeys } from './record-keys.ts'
import type { RecordReader, WireRecord } from './record-reader.ts'
import { open, seal } from './seal.ts'
import type { Arrived } from './tls-carrier.ts'

export class SealedStream extends AbstractMessageStream {
  readonly #connection: MessageStream
  readonly #keys: ConnectionKeys
  readonly #reader: RecordReader
  #sealedSeen = false

  constructor(connection: MessageStream, keys: ConnectionKeys, { early, reader }: Arrived) {
    const { log, inactivityTimeout, maxReadBufferLength, direction } = connection
    super({ log, inactivityTimeout, maxReadBufferLength, direction })
    this.#connection = connection
    this.#keys = keys
    this.#reader = reader
    connection.addEventListener('close', ({ error, local }) => this.#mirror(error, local === true))
    connection.addEventListener('drain', () => this.safeDispatchEvent('drain'))
    this.#read(early)
    connection.addEventListener('message', ({ data }: StreamMessageEvent) => this.#onMessage(data))
    if (connection.status !== 'open') this.#mirror(undefined, false)
    else if (readStatusOf(connection) === 'paused') connection.resume()
  }

  #onMessage(data: Uint8Array | Uint8ArrayList): void {
    countBuffers(data.byteLength)
    this.#reader.push(data)
    this.#read([])
  }

  /** All that is complete goes on in one piece, as it came. */
  #read(early: readonly WireRecord[]): void {
    const plain = new Uint8ArrayList()
    try {
      for (const record of early) this.#open(record, plain)
      for (let record = this.#reader.next(); record !== undefined; record = this.#reader.next())
        this.#open(record, plain)
    } catch (error) {
      this.abort(error as Error)
      return
    }
    this.onData(plain)
  }

  #open(record: WireRecord, plain: Uint8ArrayList): void {
    if (record.sealed) {
      this.#sealedSeen = true
      for (const piece of open(record, this.#keys.opening)) plain.append(piece)
    } else if (this.#sealedSeen) throw new Error('a record of TLS after a sealed one')
    // What a server of TLS sends last: tickets for a resumption that there never is.
  }

  sendData(data: Uint8ArrayList): SendResult {
    countBuffers(data.byteLength)
    const sealed = new Uint8ArrayList(...seal(data, this.#keys.sealing))
    return { sentBytes: data.byteLength, canSendMore: this.#connection.send(sealed) }
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

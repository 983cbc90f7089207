/** What goes over a TLS socket, as libp2p's muxers see it. The connection below keeps its state: they end together. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { AbortOptions, Connection, MultiaddrConnection } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { DirectMessageStream } from '../libp2p/direct-message-stream.ts'
import type { Bytes } from '../libp2p/direct-streams.ts'
import { rawConnectionOf } from '../libp2p/hidden-parts.ts'

/** A connection of libp2p's TCP transport; its types hide these parts (@libp2p/tcp 11, @libp2p/utils 7). */
export interface SocketConnection extends MultiaddrConnection {
  readonly socket: Socket
  readonly readBuffer: Uint8ArrayList
  /** The last step of its graceful close. */
  sendClose(options?: AbortOptions): Promise<void>
}

/** By the connection below. */
const streams = new WeakMap<object, NativeTlsStream>()

/** Runs `write`; all that it sends over the connection leaves in one write to the socket, if TLS has one. */
export function corked(connection: Connection, write: () => void): void {
  const stream = streams.get(rawConnectionOf(connection))
  if (stream === undefined) write()
  else stream.corked(write)
}

/** One TLS record: a smaller answer is no reason to rest, nor is it what comes back to an end that sends in bulk. */
const restBytes = 16 * 1024

export class NativeTlsStream extends DirectMessageStream {
  readonly #connection: SocketConnection
  readonly #socket: TLSSocket
  #paused = false
  #resting = false
  /** Bytes since it rested. */
  #read = 0
  readonly #readOn = (): void => {
    this.#resting = false
    if (!this.#paused) this.#socket.resume()
  }

  /** @param socket after its handshake; its errors abort the connection */
  constructor(connection: SocketConnection, socket: TLSSocket) {
    const { log, inactivityTimeout, maxReadBufferLength, direction } = connection
    super({ log, inactivityTimeout, maxReadBufferLength, direction })
    this.#connection = connection
    this.#socket = socket
    streams.set(connection, this)
    connection.sendClose = options => this.#end(options)
    connection.addEventListener('close', ({ error, local }) => this.#mirror(error, local === true))
    // It may have ended while the certificate was checked.
    if (connection.status !== 'open') this.#mirror(undefined, false)
    socket.on('data', (data: Buffer) => {
      this.onData(data)
      this.#read += data.byteLength
      if (this.#read > restBytes && socket.writableLength > restBytes) this.#rest()
    })
    socket.on('drain', () => this.safeDispatchEvent('drain'))
    socket.once('end', () => this.onTransportClosed())
    socket.once('close', () => this.onTransportClosed())
  }

  /** The pieces of one message leave in one write, so in as few records and system calls as there can be. */
  protected write(data: Bytes): boolean {
    if (data instanceof Uint8Array) return this.#socket.write(data)
    let canSendMore = true
    this.corked(() => {
      for (const piece of data) canSendMore = this.#socket.write(piece)
    })
    return canSendMore
  }

  corked(write: () => void): void {
    this.#socket.cork()
    try {
      write()
    } finally {
      this.#socket.uncork()
    }
  }

  /**
   * Reads on in the next turn of the event loop. Node's TLS ends one write in a turn, and libuv reads up to 2 MiB in it: what is answered
   * meanwhile would wait, and so the peer, until the turn is over. Then both ends work in turns and not at the same time.
   */
  #rest(): void {
    if (this.#paused || this.#resting) return
    this.#resting = true
    this.#read = 0
    this.#socket.pause()
    setImmediate(this.#readOn)
  }

  async close(options?: AbortOptions): Promise<void> {
    await this.#connection.close(options)
  }

  /** Writes what is left, closes TLS with close_notify, then closes the socket. */
  async #end(options: AbortOptions = {}): Promise<void> {
    if (this.writeBufferLength > 0 && this.writeStatus === 'writable')
      await Promise.race([once(this, 'idle', options), once(this, 'close', options)])
    if (this.#socket.destroyed) return
    const closed = once(this.#socket, 'close', options)
    this.#socket.destroySoon()
    await closed
  }

  sendReset(error: Error): void {
    this.#socket.destroy()
    this.#connection.abort(error)
  }

  sendPause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  sendResume(): void {
    this.#paused = false
    if (!this.#resting) this.#socket.resume()
  }

  /** The connection's end, with its reason: a failure must not look like a clean end. */
  #mirror(error: Error | undefined, local: boolean): void {
    this.#socket.destroy()
    if (error === undefined) this.onTransportClosed()
    else if (local) this.abort(error)
    else this.onRemoteReset()
  }
}

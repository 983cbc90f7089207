/**
 * A WebSocket as libp2p's connection: back-pressure both ways, and an abort that ends the socket (`@libp2p/websockets`
 * 10.1 has neither: a peer that was cut off would keep its socket).
 */
import type { Logger } from '@libp2p/interface'
import { AbstractMultiaddrConnection } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { transportDefaults } from '../defaults.ts'
import type { WebSocket } from './web-socket.ts'

export interface WebSocketConnectionInit {
  /** Open. */
  socket: WebSocket
  remoteAddr: Multiaddr
  direction: 'inbound' | 'outbound'
  log: Logger
}

/** Normal, going away, none given. */
const orderly = [1000, 1001, 1005]

export class WebSocketConnection extends AbstractMultiaddrConnection {
  readonly #socket: WebSocket
  #full = false
  #heard = false

  constructor({ socket, ...init }: WebSocketConnectionInit) {
    super(init)
    this.#socket = socket
    socket.on('message', (data: Buffer, isBinary) => {
      this.#heard = true
      if (isBinary) this.onData(data)
      else this.abort(new Error('a text message'))
    })
    socket.on('error', error => this.abort(error))
    socket.on('close', code => {
      if (this.status !== 'open' && this.status !== 'closing') return
      if (orderly.includes(code)) this.onTransportClosed()
      else this.onRemoteReset()
    })
  }

  /** Whether a message was received. */
  get heard(): boolean {
    return this.#heard
  }

  sendData(data: Parameters<AbstractMultiaddrConnection['sendData']>[0]): {
    sentBytes: number
    canSendMore: boolean
  } {
    const { webSocketMessageBytes, webSocketBacklogBytes } = transportDefaults
    const sentBytes = data.byteLength
    for (let from = 0; from < sentBytes; from += webSocketMessageBytes)
      this.#socket.send(data.subarray(from, Math.min(from + webSocketMessageBytes, sentBytes)), () =>
        this.#onSent(),
      )
    this.#full = this.#socket.bufferedAmount >= webSocketBacklogBytes
    return { sentBytes, canSendMore: !this.#full }
  }

  #onSent(): void {
    if (!this.#full || this.#socket.bufferedAmount >= transportDefaults.webSocketBacklogBytes) return
    this.#full = false
    this.safeDispatchEvent('drain')
  }

  /** The closing handshake; aborted when the other side does not answer. */
  async sendClose({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#socket.readyState === this.#socket.CLOSED) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const cut = () => this.#socket.terminate()
    const timer = setTimeout(cut, transportDefaults.closeMs)
    signal?.addEventListener('abort', cut, { once: true })
    this.#socket.once('close', () => resolve())
    this.#socket.close(1000)
    await promise
    clearTimeout(timer)
    signal?.removeEventListener('abort', cut)
  }

  sendReset(): void {
    this.#socket.terminate()
  }

  sendPause(): void {
    this.#socket.pause()
  }

  sendResume(): void {
    this.#socket.resume()
  }
}

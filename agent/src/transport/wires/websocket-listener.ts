/** Listens for WebSockets: an HTTP server that does nothing else. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import {
  TypedEventEmitter,
  type ComponentLogger,
  type Listener,
  type ListenerEvents,
  type Upgrader,
} from '@libp2p/interface'
import { sourceOf } from '@agent-mesh/protocol'
import { getThinWaistAddresses, ipPortToMultiaddr } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { transportDefaults } from '../defaults.ts'
import { inboundLimits, InboundHandshakes } from './inbound-handshakes.ts'
import { webSocketGate, type WebSocket } from './web-socket.ts'
import { WebSocketConnection } from './websocket-connection.ts'

export interface WebSocketListenerInit {
  upgrader: Upgrader
  logger: ComponentLogger
  /** WebSockets on this address. */
  maxConnections: number
}

export class WebSocketListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #init: WebSocketListenerInit
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Of HTTP. */
  readonly #handshakes = new InboundHandshakes<Socket>({
    ...inboundLimits,
    limitMs: transportDefaults.webSocketHandshakeMs,
    isSilent: socket => socket.bytesRead === 0,
    end: socket => socket.destroy(),
  })
  readonly #closing = new AbortController()
  #addr: Multiaddr | undefined

  constructor(init: WebSocketListenerInit) {
    super()
    this.#init = init
    const gate = webSocketGate((socket, request) => this.#take(socket, request))
    this.#server = createServer({
      headersTimeout: transportDefaults.webSocketHandshakeMs,
      requestTimeout: transportDefaults.webSocketHandshakeMs,
      connectionsCheckingInterval: transportDefaults.webSocketHandshakeMs / 2,
    })
    this.#server.maxConnections = init.maxConnections + transportDefaults.maxPendingUpgrades
    this.#server.on('upgrade', (request, socket, head) => gate.accept(request, socket, head))
    this.#server.on('request', (_, response) => {
      response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end()
    })
    this.#server.on('connection', socket => {
      if (!this.#handshakes.enter(socket, sourceOf(socket.remoteAddress ?? ''))) return socket.destroy()
      this.#sockets.add(socket)
      socket.once('close', () => {
        this.#handshakes.leave(socket)
        this.#sockets.delete(socket)
      })
    })
  }

  async listen(addr: Multiaddr): Promise<void> {
    const [, , host = '', , port = ''] = addr.toString().split('/')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen({ host, port: Number(port), ipv6Only: host.includes(':') }, resolve)
    await promise
    this.#server.off('error', reject)
    this.#server.on('error', error => this.#init.logger.forComponent('websocket').error('%e', error))
    this.#addr = addr
    this.safeDispatchEvent('listening')
  }

  #take(socket: WebSocket, request: IncomingMessage): void {
    const { remoteAddress, remotePort } = request.socket
    this.#handshakes.leave(request.socket)
    if (remoteAddress === undefined || remotePort === undefined || this.#closing.signal.aborted)
      return socket.terminate()
    // A zone names an interface of this host and is no part of a multiaddr.
    const [host = ''] = remoteAddress.split('%')
    const connection = new WebSocketConnection({
      socket,
      remoteAddr: ipPortToMultiaddr(host, remotePort).encapsulate('/ws'),
      direction: 'inbound',
      log: this.#init.logger.forComponent('websocket'),
    })
    this.#init.upgrader
      .upgradeInbound(connection, { signal: this.#closing.signal })
      .catch((error: unknown) => connection.abort(error instanceof Error ? error : new Error(String(error))))
  }

  getAddrs(): Multiaddr[] {
    const address = this.#server.address() as AddressInfo | null
    if (address === null || this.#addr === undefined) return []
    return getThinWaistAddresses(this.#addr.decapsulate('/ws'), address.port).map(addr =>
      addr.encapsulate('/ws'),
    )
  }

  updateAnnounceAddrs(): void {
    // Addresses are announced as they are configured.
  }

  /** Stops accepting first, so that no socket comes after those that are ended. */
  async close(): Promise<void> {
    this.#closing.abort()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    for (const socket of this.#sockets) socket.destroy()
    await promise
    this.safeDispatchEvent('close')
  }
}

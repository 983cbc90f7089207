/** Listens for WebSockets: an HTTP server that does nothing else, below TLS of the web at `/wss`. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import { TLSSocket } from 'node:tls'
import {
  TypedEventEmitter,
  type ComponentLogger,
  type Listener,
  type ListenerEvents,
  type Upgrader,
} from '@libp2p/interface'
import { sourceOf } from '@agent-mesh/protocol'
import { getThinWaistAddresses, ipPortToMultiaddr } from '@libp2p/utils'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { transportDefaults } from '../defaults.ts'
import { inboundLimits, InboundHandshakes } from './inbound-handshakes.ts'
import type { WebCertificate } from './web-certificate.ts'
import { webSocketGate, type WebSocket } from './web-socket.ts'
import { WebSocketConnection } from './websocket-connection.ts'

export interface WebSocketListenerInit {
  upgrader: Upgrader
  logger: ComponentLogger
  /** Shown at `/wss`. */
  certificate?: WebCertificate | undefined
  /** WebSockets on this address. */
  maxConnections: number
}

export class WebSocketListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #certificate: WebCertificate | undefined
  readonly #maxConnections: number
  readonly #logger: ComponentLogger
  readonly #upgrader: Upgrader
  readonly #http: Server
  /** What listens: the HTTP server itself, or one that puts TLS before it; undefined before {@link listen}. */
  #server: TcpServer | undefined
  readonly #sockets = new Set<Socket>()
  /** Of TLS and HTTP. */
  readonly #handshakes = new InboundHandshakes<Socket>({
    ...inboundLimits,
    limitMs: transportDefaults.webSocketHandshakeMs,
    isSilent: socket => socket.bytesRead === 0,
    end: socket => socket.destroy(),
  })
  /** The TCP sockets of TLS ones. */
  readonly #below = new WeakMap<Socket, Socket>()
  readonly #closing = new AbortController()
  #addr: Multiaddr | undefined

  constructor(init: WebSocketListenerInit) {
    super()
    this.#certificate = init.certificate
    this.#maxConnections = init.maxConnections
    this.#logger = init.logger
    this.#upgrader = init.upgrader
    const gate = webSocketGate((socket, request) => this.#take(socket, request))
    this.#http = createServer({
      headersTimeout: transportDefaults.webSocketHandshakeMs,
      requestTimeout: transportDefaults.webSocketHandshakeMs,
      connectionsCheckingInterval: transportDefaults.webSocketHandshakeMs / 2,
    })
    this.#http.on('upgrade', (request, socket, head) => gate.accept(request, socket, head))
    this.#http.on('request', (_, response) => {
      response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end()
    })
  }

  #serverFor(addr: Multiaddr): TcpServer {
    const secure = /\/(?:wss|tls\/ws)$/.test(addr.toString()) ? this.#certificate : undefined
    const server = secure === undefined ? this.#http : createTcpServer()
    server.maxConnections = this.#maxConnections + transportDefaults.maxPendingUpgrades
    server.on('connection', (socket: Socket) => {
      if (this.#enter(socket) && secure !== undefined) this.#secure(socket, secure)
    })
    return server
  }

  /** @returns whether there was a place for it */
  #enter(socket: Socket): boolean {
    if (!this.#handshakes.enter(socket, sourceOf(socket.remoteAddress ?? ''))) {
      socket.destroy()
      return false
    }
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#handshakes.leave(socket)
      this.#sockets.delete(socket)
    })
    return true
  }

  /** One TLS socket for each connection, so that each uses the current certificate. */
  #secure(socket: Socket, certificate: WebCertificate): void {
    const tls = new TLSSocket(socket, { isServer: true, secureContext: certificate.context() })
    this.#below.set(tls, socket)
    // A client that does not trust the certificate causes an error here; the socket below ends with it.
    tls.on('error', () => socket.destroy())
    tls.once('secure', () => this.#http.emit('connection', tls))
  }

  async listen(addr: Multiaddr): Promise<void> {
    const [, , host = '', , port = ''] = addr.toString().split('/')
    const server = this.#serverFor(addr)
    this.#server = server
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen({ host, port: Number(port), ipv6Only: host.includes(':') }, resolve)
    await promise
    server.off('error', reject)
    server.on('error', error => this.#logger.forComponent('websocket').error('%e', error))
    this.#addr = addr
    this.safeDispatchEvent('listening')
  }

  #take(socket: WebSocket, request: IncomingMessage): void {
    const { remoteAddress, remotePort } = request.socket
    this.#handshakes.leave(this.#below.get(request.socket) ?? request.socket)
    if (remoteAddress === undefined || remotePort === undefined || this.#closing.signal.aborted)
      return socket.terminate()
    // A zone names an interface of this host and is no part of a multiaddr.
    const [host = ''] = remoteAddress.split('%')
    const connection = new WebSocketConnection({
      socket,
      remoteAddr: ipPortToMultiaddr(host, remotePort).encapsulate('/ws'),
      direction: 'inbound',
      log: this.#logger.forComponent('websocket'),
    })
    this.#upgrader
      .upgradeInbound(connection, { signal: this.#closing.signal })
      .catch((error: unknown) => connection.abort(error instanceof Error ? error : new Error(String(error))))
  }

  getAddrs(): Multiaddr[] {
    const address = (this.#server?.address() ?? null) as AddressInfo | null
    if (address === null || this.#addr === undefined) return []
    const [, tcp = '', web = ''] = /^(\/[^/]+\/[^/]+\/tcp\/\d+)(.*)$/.exec(this.#addr.toString()) ?? []
    return getThinWaistAddresses(multiaddr(tcp), address.port).map(addr => addr.encapsulate(web))
  }

  updateAnnounceAddrs(): void {
    // Addresses are announced as they are configured.
  }

  /** Stops accepting first, so that no socket comes after those that are ended. */
  async close(): Promise<void> {
    this.#closing.abort()
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#server === undefined) resolve()
    this.#server?.close(() => resolve())
    for (const socket of this.#sockets) socket.destroy()
    await promise
    this.safeDispatchEvent('close')
  }
}

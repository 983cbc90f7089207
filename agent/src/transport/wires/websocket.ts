/** libp2p's transport for `/ip4/HOST/tcp/PORT/ws`, `…/wss` and `…/tls/ws`; TLS and yamux of the mesh run inside. */
import {
  serviceCapabilities,
  transportSymbol,
  type ComponentLogger,
  type Connection,
  type CreateListenerOptions,
  type DialTransportOptions,
  type Listener,
  type Transport,
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { partsOf } from '../address.ts'
import type { Proxy } from './proxy.ts'
import type { WebCertificate } from './web-certificate.ts'
import { openWebSocket, type WebSocketTarget } from './web-socket.ts'
import { WebSocketConnection } from './websocket-connection.ts'
import { WebSocketListener } from './websocket-listener.ts'

export interface WebSocketTransportInit {
  /** Dials go through it. @default none */
  proxy?: Proxy | undefined
  /** What listeners on `/wss` show. @default none listens there */
  certificate?: WebCertificate | undefined
  /** Sockets that one listener accepts. */
  maxConnections: number
}

interface Components {
  logger: ComponentLogger
}

const listenable = /^\/ip[46]\/[^/]+\/tcp\/\d+(\/ws|\/wss|\/tls\/ws)$/

function webSocketOf(addr: Multiaddr): WebSocketTarget | undefined {
  const parts = partsOf(addr.toString())
  if (parts === undefined || parts.over === 'tcp') return undefined
  return { host: parts.host, port: parts.port, secure: parts.over === 'wss' }
}

export const webSockets =
  (init: WebSocketTransportInit) =>
  (components: Components): Transport =>
    new WebSocketTransport(init, components)

class WebSocketTransport implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = 'agent-mesh/websocket'
  readonly [serviceCapabilities] = ['@libp2p/transport']
  readonly #proxy: Proxy | undefined
  readonly #maxConnections: number
  readonly #certificate: WebCertificate | undefined
  readonly #components: Components

  constructor(init: WebSocketTransportInit, components: Components) {
    this.#proxy = init.proxy
    this.#maxConnections = init.maxConnections
    this.#certificate = init.certificate
    this.#components = components
  }

  async dial(addr: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const target = webSocketOf(addr)
    if (target === undefined) throw new Error(`${addr.toString()} is no WebSocket address`)
    const socket = await openWebSocket(target, { proxy: this.#proxy, signal: options.signal })
    const connection = new WebSocketConnection({
      socket,
      remoteAddr: addr,
      direction: 'outbound',
      log: this.#components.logger.forComponent('websocket'),
    })
    try {
      return await options.upgrader.upgradeOutbound(connection, options)
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  createListener({ upgrader }: CreateListenerOptions): Listener {
    return new WebSocketListener({
      upgrader,
      maxConnections: this.#maxConnections,
      certificate: this.#certificate,
      logger: this.#components.logger,
    })
  }

  /** `/wss` needs a certificate; without one a proxy that ends TLS stands before `/ws`. */
  listenFilter(addrs: Multiaddr[]): Multiaddr[] {
    return addrs.filter(addr => {
      const [, web] = listenable.exec(addr.toString()) ?? []
      return web === '/ws' || (web !== undefined && this.#certificate !== undefined)
    })
  }

  dialFilter(addrs: Multiaddr[]): Multiaddr[] {
    return addrs.filter(addr => webSocketOf(addr) !== undefined)
  }
}

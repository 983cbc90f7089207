/**
 * One libp2p node, set up so that it does nothing by itself: it never dials (the gater denies the dial queue; the
 * transport dials through the transport manager), never identifies, never pings often enough to matter.
 */
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type {
  ComponentLogger,
  Connection,
  ConnectionGater,
  Libp2p,
  MultiaddrConnection,
  PeerId,
  Transport,
  Upgrader,
} from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { MeshError, toMeshError } from '@agent-mesh/protocol'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { Identity } from '../../identity/index.ts'
import { sourceOfAddr } from '../address.ts'
import { transportDefaults } from '../defaults.ts'
import type { HandlerRegistry } from './guard.ts'
import { inboundLimits, InboundHandshakes } from '../wires/inbound-handshakes.ts'
import { identifierOf } from './hidden-parts.ts'
import { leanYamux } from './lean-yamux.ts'
import { noiseOnDemand } from './noise-on-demand.ts'
import { newestFirst, type ConnectionLister } from './newest-first.ts'
import type { Proxy } from '../wires/proxy.ts'
import type { WebCertificate } from '../wires/web-certificate.ts'
import { webSockets } from '../wires/websocket.ts'
import { nativeTls } from '../wires/native-tls.ts'
import type { SocketConnection } from '../wires/native-tls-stream.ts'
import { WebSocketConnection } from '../wires/websocket-connection.ts'

/** The parts of libp2p that the public interface hides. */
export interface NodeCore {
  registrar: HandlerRegistry
  connectionManager: ConnectionLister
  peerId: PeerId
  logger: ComponentLogger
  events: unknown
  upgrader: Upgrader
  transportManager: {
    /** Listened on, wildcards expanded. */
    getAddrs(): Multiaddr[]
    dial(addr: Multiaddr, options: DialOptions): Promise<Connection>
    dialTransportForMultiaddr(addr: Multiaddr): Transport | undefined
  }
}

/** Options of a dial, as transports take them. */
export interface DialOptions {
  signal: AbortSignal
  maxOutboundStreams?: number
  /** Local TCP port to dial from. @default any */
  localPort?: number
  onProgress?: (event: { type: string }) => void
}

/** A libp2p service, as `createLibp2p` takes it. libp2p types its components as open, so they are unknown here. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each service declares the components it needs
export type ServiceFactory = (components: any) => unknown

export interface NodeInit {
  identity: Identity
  /** Multiaddrs without peer id; `/tcp/0` takes a free port; empty: does not listen. */
  listen: readonly string[]
  /** Listed instead of the addresses listened on. */
  announce?: readonly string[]
  /** Connections of all kinds; libp2p refuses more. */
  maxConnections: number
  /** Whether the link on this connection is suspect. @default none is */
  isDoubted?: (connectionId: string) => boolean
  /** Refuses a connection before TLS. @param source the host it counts for */
  denyInbound: (source: string) => boolean
  gater?: RelayGater
  /** WebSockets are dialled through it. */
  proxy?: Proxy | undefined
  /** What listeners on `/wss` show. */
  certificate?: WebCertificate | undefined
  services?: Record<string, ServiceFactory>
  /** Called before any service registers a handler. */
  beforeServices: (core: NodeCore) => void
  logger?: ComponentLogger
}

/** The hooks a relay adds. */
export type RelayGater = Pick<
  ConnectionGater,
  'denyInboundRelayReservation' | 'denyOutboundRelayedConnection' | 'denyInboundRelayedConnection'
>

export interface MeshNode {
  libp2p: Libp2p
  core: NodeCore
  circuit: Transport
  identify(connection: Connection, options: { signal: AbortSignal }): Promise<unknown>
}

/** The source of a circuit is not known here: a member opened it. */
function isSilent(connection: MultiaddrConnection): boolean {
  if (connection instanceof WebSocketConnection) return !connection.heard
  return (connection as Partial<SocketConnection>).socket?.bytesRead === 0
}

function gaterOf(init: NodeInit): ConnectionGater {
  const handshakes = new InboundHandshakes<MultiaddrConnection>({
    ...inboundLimits,
    limitMs: transportDefaults.handshakeMs,
    isSilent,
    end: (connection, reason) => connection.abort(reason),
  })
  return {
    ...init.gater,
    denyDialPeer: (_peer: PeerId) => true,
    denyInboundConnection: connection => {
      const source = sourceOfAddr(connection.remoteAddr.toString())
      if (init.denyInbound(source) || !handshakes.enter(connection, source)) return true
      connection.addEventListener('close', () => handshakes.leave(connection))
      return false
    },
    denyInboundUpgradedConnection: (_peer, connection) => {
      handshakes.leave(connection)
      return false
    },
  }
}

/** Makes a node, not yet started. */
export async function createNode(init: NodeInit): Promise<MeshNode> {
  const parts: { core?: NodeCore; circuit?: Transport } = {}
  const libp2p = await createLibp2p({
    start: false,
    privateKey: privateKeyFromRaw(init.identity.rawPrivateKey()),
    addresses: { listen: [...init.listen], ...(init.announce ? { announce: [...init.announce] } : {}) },
    ...(init.logger ? { logger: init.logger } : {}),
    transports: [
      tcp(),
      webSockets({
        proxy: init.proxy,
        certificate: init.certificate,
        maxConnections: init.maxConnections,
      }),
      components =>
        (parts.circuit = circuitRelayTransport({
          reservationConcurrency: 4,
          reservationCompletionTimeout: transportDefaults.connectMs,
        })(components)),
    ],
    connectionEncrypters: [nativeTls(), noiseOnDemand()],
    streamMuxers: [
      leanYamux({
        // The rooms above watch paths; they know which of them need it.
        enableKeepAlive: false,
        streamOptions: { maxStreamWindowSize: transportDefaults.maxWindowBytes },
      }),
    ],
    connectionGater: gaterOf(init),
    // The same; at its default of 10 s its pings overload a process with 300 nodes.
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: init.maxConnections,
      // They are counted by their source, see above.
      maxIncomingPendingConnections: Number.POSITIVE_INFINITY,
      inboundUpgradeTimeout: transportDefaults.handshakeMs,
      // Per host and second: all members behind one NAT, or a whole mesh on loopback, are one host.
      inboundConnectionThreshold: 10_000,
      reconnectRetries: 0,
      maxParallelReconnects: 1,
    },
    services: {
      // The first service, so that the guard is in place when the others register.
      core: (components: NodeCore) => {
        parts.core = components
        newestFirst(components.connectionManager, init.isDoubted ?? (() => false))
        init.beforeServices(components)
        return {}
      },
      identify: identify({ runOnConnectionOpen: false, maxInboundStreams: 2 }),
      ...init.services,
    },
  })
  const { core, circuit } = parts
  if (core === undefined || circuit === undefined) throw new Error('libp2p did not build its services')
  const service = identifierOf(libp2p.services.identify)
  return { libp2p, core, circuit, identify: (connection, options) => service.identify(connection, options) }
}

/** @throws MeshError invalid_argument naming each address that could not be listened on, and why */
export async function startNode(
  { libp2p }: Pick<MeshNode, 'libp2p'>,
  listen: readonly string[],
): Promise<void> {
  try {
    await libp2p.start()
  } catch (cause) {
    // libp2p's message has a line for each address, in between advice on its own settings and stacks.
    const failed = [...String(cause).matchAll(/^ {2}(\/\S+): (?:\w*Error: )?(.*)$/gm)]
    if (failed.length === 0) throw toMeshError(cause, 'invalid_argument', `listen on ${listen.join(', ')}`)
    const [addrs, reasons] = [1, 2].map(at => [...new Set(failed.map(match => match[at]))].join('; '))
    throw new MeshError('invalid_argument', `Cannot listen on ${addrs}: ${reasons}`, {
      cause,
      hint: 'Listen on an address of this machine and a port that nothing else uses: --listen ADDR, with /tcp/0 any free port.',
    })
  }
}

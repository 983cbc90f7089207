/**
 * The transport of a member: links to admitted peers, and nothing else. A peer that has not said hello gets no handler, no
 * reservation, no circuit and, after five seconds, no connection. Rooms above see peer ids and addresses as strings.
 */
import { networkInterfaces } from 'node:os'
import type { Duplex } from 'node:stream'
import type { Connection, Stream } from '@libp2p/interface'
import { helloProtocol, MeshError, rpcProtocol, upgradeProtocol } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { partsOf, pathOf, withoutPeer } from './address.ts'
import { Admissions } from './links/admissions.ts'
import { atMost } from '../core/at-most.ts'
import { byteStreamOf, type ByteStream } from './libp2p/byte-stream.ts'
import { Connector } from './links/connector.ts'
import { transportDefaults } from './defaults.ts'
import type { ConnectOptions, DialTarget } from './dial/dial-target.ts'
import { Dialer, memberStops } from './dial/dialer.ts'
import { duplexOf, type DuplexLink } from './libp2p/duplex.ts'
import { guardHandlers } from './libp2p/guard.ts'
import { Identification } from './libp2p/identification.ts'
import { LinkTable } from './links/link-table.ts'
import type { Link } from './links/link.ts'
import { PathHistory } from './dial/path-history.ts'
import { createNode, startNode, type MeshNode } from './libp2p/node.ts'
import { Proxy } from './wires/proxy.ts'
import { WebCertificate } from './wires/web-certificate.ts'
import { RelayClient, type RelayClientInit } from './relays/relay-client.ts'
import { reservationsOf, type Reservations } from './relays/reservations.ts'
import type { Observed } from './upgrade/observed-addresses.ts'
import type { Upgrader } from './upgrade/upgrader.ts'
import type { Transport, TransportInit, TransportOptions } from './transport-parts.ts'
import { Upgrades, type UpgradeSettings } from './upgrade/upgrades.ts'

export type { Transport, TransportInit, TransportOptions } from './transport-parts.ts'

/** Makes a transport, not yet started. */
export async function createTransport(init: TransportInit): Promise<Transport> {
  const transport = new MeshTransport(init)
  await transport.build()
  return transport
}

const now = () => performance.now()

class MeshTransport implements Transport {
  readonly peerId: string
  readonly links: LinkTable
  readonly history = new PathHistory(Date.now)
  readonly #init: TransportInit
  readonly #options: TransportOptions
  readonly #admissions: Admissions
  readonly #connector: Connector
  readonly dials: Dialer
  readonly #upgrades: Upgrades | undefined
  readonly #identification: Identification
  readonly #onError: (error: unknown) => void
  #node!: MeshNode
  #reservations!: Reservations
  #relayClient: RelayClient | undefined
  #sweeper: NodeJS.Timeout | undefined
  #stopped: Promise<void> | undefined
  #state: 'new' | 'started' | 'stopped' = 'new'

  constructor(init: TransportInit) {
    this.#init = init
    this.#options = { ...transportDefaults, ...init.options }
    this.#onError = init.onError ?? (() => {})
    this.peerId = init.identity.peerId
    const { helloMs, maxPendingHellos, maxLinks, idleMs } = this.#options
    this.#admissions = new Admissions({
      helloMs,
      maxPending: maxPendingHellos,
      maxPerSource: Math.ceil(maxPendingHellos * transportDefaults.sourceShare),
      maxWaitingStreams: transportDefaults.maxWaitingStreams,
      onRefused: init.onRefused ?? (() => {}),
    })
    this.links = new LinkTable({
      self: this.peerId,
      maxLinks,
      idleMs,
      now,
      retire: init.retire ?? (() => Promise.resolve()),
      ...(init.verify === undefined ? {} : { verify: init.verify }),
      onError: this.#onError,
    })
    this.#identification = new Identification({
      identify: (connection, options) => this.#node.identify(connection, options),
      limitMs: helloMs,
      onError: this.#onError,
    })
    const common = { self: this.peerId, links: this.links }
    this.#connector = new Connector({
      ...common,
      ports: init,
      admissions: this.#admissions,
      helloMs,
      now,
      onObserved: (connection, peer, observed) => this.#upgrades?.onObserved(connection, peer, observed),
      onLink: connection => {
        // What identify tells is for reservations, which are made at relays, and those are reached directly.
        if (pathOf(connection.remoteAddr.toString()) === 'direct') this.#identification.of(connection)
      },
    })
    const upgrades = init.upgrades === undefined ? undefined : this.#makeUpgrades(init.upgrades)
    this.#upgrades = upgrades
    this.dials = new Dialer({
      ...common,
      connector: this.#connector,
      transportManager: () => upgrades ?? this.#node.core.transportManager,
      interfaces: networkInterfaces,
      history: this.history,
      onError: this.#onError,
    })
  }

  #makeUpgrades(settings: UpgradeSettings): Upgrades {
    return new Upgrades({
      ...settings,
      self: this.peerId,
      links: this.links,
      connector: this.#connector,
      admissions: this.#admissions,
      core: () => this.#node.core,
      interfaces: networkInterfaces,
      listen: () => this.addresses(),
      onError: this.#onError,
    })
  }

  async build(): Promise<void> {
    const { identity, listen, announce, relay, proxy, certificate } = this.#init
    this.#node = await createNode({
      identity,
      listen,
      ...(announce ? { announce } : {}),
      ...(proxy ? { proxy: new Proxy(proxy) } : {}),
      ...(certificate ? { certificate: new WebCertificate({ ...certificate, onError: this.#onError }) } : {}),
      maxConnections: 2 * this.#options.maxLinks + this.#options.maxPendingHellos,
      isDoubted: id => this.links.all().some(link => link.id === id && link.suspect),
      denyInbound: source =>
        this.#admissions.isFullFor(source) || this.#state === 'stopped' || relay?.denyInbound?.() === true,
      gater: relay?.gater ?? {},
      services: relay?.services ?? {},
      beforeServices: core =>
        guardHandlers(core.registrar, {
          exempt: [helloProtocol, rpcProtocol],
          admitted: connection => this.#admissions.linkOf(connection),
          allows: (protocol, peerId) =>
            !protocol.endsWith('/circuit/relay/0.2.0/stop') || this.#reservations.wanted(peerId),
        }),
    })
    const { libp2p, circuit } = this.#node
    this.#reservations = reservationsOf(circuit)
    libp2p.addEventListener('connection:open', ({ detail }) => this.#admissions.watch(detail))
    const hello = { maxInboundStreams: 1, runOnLimitedConnection: true }
    await libp2p.handle(helloProtocol, this.#connector.onHello, hello)
    await libp2p.handle(rpcProtocol, this.#connector.onRpc, hello)
    if (this.#upgrades !== undefined) await this.handle(upgradeProtocol, this.#upgrades.upgrader.onStream)
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') return
    this.#state = 'started'
    await startNode(this.#node, this.#init.listen)
    this.#sweeper = setInterval(() => this.links.sweep(), timerDelay(this.#options.sweepMs)).unref()
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return this.#stopped
    this.#state = 'stopped'
    return (this.#stopped = this.#stop())
  }

  /** Loops that open links end first, then links, then listeners; whatever hangs is left to the deadline. */
  async #stop(): Promise<void> {
    clearInterval(this.#sweeper)
    const orderly = async () => {
      await Promise.all([this.#relayClient?.stop(), this.#upgrades?.stop()])
      await this.dials.stop()
      this.#connector.stop()
      await this.links.stop()
      await this.#identification.stop()
      await this.#node.libp2p.stop()
      await this.#upgrades?.release()
    }
    await atMost(this.#options.stopMs, orderly().catch(this.#onError))
  }

  addresses(): string[] {
    const { announce = [] } = this.#init
    if (announce.length > 0) return [...new Set(announce.map(withoutPeer))]
    // A certificate is for a name: it does not fit an address.
    return this.listening().filter(addr => partsOf(addr)?.over !== 'wss')
  }

  listening(): string[] {
    // libp2p itself names a public address only once others confirmed it: an agent on one would not be dialled.
    const all = this.#node.core.transportManager.getAddrs().map(addr => addr.toString())
    return [...new Set(all.filter(addr => !addr.includes('/p2p-circuit')).map(withoutPeer))]
  }

  get upgrader(): Upgrader | undefined {
    return this.#upgrades?.upgrader
  }

  observed(): Observed | undefined {
    return this.#upgrades?.observed()
  }

  connect(target: DialTarget, options?: ConnectOptions): Promise<Link> {
    if (this.#state === 'stopped') return Promise.reject(memberStops())
    if (this.#state === 'new')
      return Promise.reject(new MeshError('unavailable', `Cannot connect to ${target.peerId}: not started`))
    return this.dials.dial(target, options)
  }

  handle(protocol: string, handler: (stream: ByteStream, link: Link) => void): Promise<void> {
    return this.#onStream(protocol, (stream, { onActivity }) => byteStreamOf(stream, onActivity), handler)
  }

  handleDuplex(protocol: string, handler: (stream: Duplex, link: Link) => void): Promise<void> {
    return this.#onStream(protocol, duplexOf, handler)
  }

  async #onStream<S>(
    protocol: string,
    as: (stream: Stream, link: DuplexLink) => S,
    handler: (stream: S, link: Link) => void,
  ): Promise<void> {
    const onStream = async (stream: Stream, connection: Connection) => {
      const link = await this.#admissions.linkOf(connection)
      const onActivity = () => void (link.lastUsed = now())
      handler(as(stream, { onActivity, pace: link.pace }), link)
    }
    const { streamsPerProtocol: most } = transportDefaults
    const bounds = { maxInboundStreams: most, maxOutboundStreams: most }
    await this.#node.libp2p.handle(protocol, onStream, { runOnLimitedConnection: true, ...bounds })
  }

  relayClient(init: Pick<RelayClientInit, 'region' | 'measure' | 'random' | 'options'> = {}): RelayClient {
    this.#relayClient ??= new RelayClient({
      ...init,
      connect: (relay, signal) => this.connect({ ...relay, relays: [] }, { signal }),
      reservations: this.#reservations,
      onTrouble: callback => this.#onRelayTrouble(callback),
      replace: link => this.links.endDoubted(link),
      now,
      onError: this.#onError,
    })
    return this.#relayClient
  }

  /** A relay is silent, or leaves, unless there is another link to it. */
  #onRelayTrouble(callback: (relayId: string, what: 'silent' | 'left') => void): () => void {
    const tell = (what: 'silent' | 'left') => (link: Link) => {
      const { peerId } = link.peer
      if (link.state !== 'up' || link.suspect)
        if (this.links.best(peerId) === undefined) callback(peerId, what)
    }
    const undo = [this.links.onDoubt(tell('silent')), this.links.onLeaving(tell('left'))]
    return () => undo.forEach(stop => stop())
  }
}

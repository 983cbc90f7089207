/** What a transport is started with, and what it offers. */
import type { Duplex } from 'node:stream'
import type { MeshError } from '@agent-mesh/protocol'
import type { Identity } from '../identity/index.ts'
import type { ByteStream } from './libp2p/byte-stream.ts'
import type { ConnectOptions, DialTarget } from './dial/dial-target.ts'
import type { Dialer } from './dial/dialer.ts'
import type { HelloPorts } from './hello.ts'
import type { LinkTable } from './links/link-table.ts'
import type { Link } from './links/link.ts'
import type { PathHistory } from './dial/path-history.ts'
import type { RelayGater, ServiceFactory } from './libp2p/node.ts'
import type { ProxyOptions } from './wires/proxy.ts'
import type { CertificateFiles } from './wires/web-certificate.ts'
import type { RelayClient, RelayClientInit } from './relays/relay-client.ts'
import type { Observed } from './upgrade/observed-addresses.ts'
import type { Upgrader } from './upgrade/upgrader.ts'
import type { UpgradeSettings } from './upgrade/upgrades.ts'

export type TransportOptions = Record<
  'helloMs' | 'maxLinks' | 'idleMs' | 'sweepMs' | 'stopMs' | 'maxPendingHellos',
  number
>

export interface TransportInit extends HelloPorts {
  identity: Identity
  /** Multiaddrs; `/tcp/0` takes a free port; empty: dials only. */
  listen: readonly string[]
  /** Listed instead of the addresses listened on. */
  announce?: readonly string[]
  /** WebSockets are dialled through it. @default none */
  proxy?: ProxyOptions | undefined
  /** What listeners on `/wss` show. @default none listens there */
  certificate?: CertificateFiles | undefined
  /** Tells the peer that a link is going away, and resolves when running calls are done. @default at once */
  retire?: (link: Link) => Promise<void>
  /** Rejects when the peer does not answer on this link: then no other is retired for its sake. @default believes it */
  verify?: (link: Link) => Promise<void>
  /** What a relay adds: libp2p services, gater hooks, and whether it refuses all connections before TLS. */
  relay?: { services: Record<string, ServiceFactory>; gater: RelayGater; denyInbound?: () => boolean }
  /** Looks for better paths than relayed ones, and helps peers to. @default does neither */
  upgrades?: UpgradeSettings | undefined
  options?: Partial<TransportOptions>
  /** A connection was refused: who, and why. */
  onRefused?: (peerId: string, reason: MeshError) => void
  /** A failure that no caller waits for. */
  onError?: (error: unknown) => void
}

export interface Transport {
  readonly peerId: string
  readonly links: LinkTable
  /** Searches better paths; undefined: does not. */
  readonly upgrader: Pick<Upgrader, 'state' | 'changed'> | undefined
  /** Where relays see this member; undefined when they are not asked. */
  observed(): Observed | undefined
  /** Dials under way. */
  readonly dials: Pick<Dialer, 'peers' | 'learn'>
  /** What came of dialling peers. */
  readonly history: PathHistory
  /** Addresses others can dial, without peer id; those announced, or those listened on. */
  addresses(): string[]
  /** Addresses listened on, whatever is announced. */
  listening(): string[]
  /** @throws MeshError see {@link Dialer.dial} */
  connect(target: DialTarget, options?: ConnectOptions): Promise<Link>
  /** Handles streams of a protocol, opened by admitted peers on links that are up. */
  handle(protocol: string, handler: (stream: ByteStream, link: Link) => void): Promise<void>
  /** As {@link handle}, for raw bytes: half-close and back pressure both ways. */
  handleDuplex(protocol: string, handler: (stream: Duplex, link: Link) => void): Promise<void>
  /** Keeps this member reachable through relays; at most one. */
  relayClient(init?: Pick<RelayClientInit, 'region' | 'measure' | 'random' | 'options'>): RelayClient
  /** @throws MeshError invalid_argument when an address cannot be listened on */
  start(): Promise<void>
  /** Closes links, then listeners, within `stopMs`. Retire links before: see `retire`. */
  stop(): Promise<void>
}

/** Assembles the parts that upgrade paths: the punching port, the observed addresses, the ways to connect, the upgrade loop. */
import type { Connection } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Peer } from '@agent-mesh/protocol'
import { partsOf, withPeer, withoutPeer } from '../address.ts'
import type { Admissions } from '../links/admissions.ts'
import type { Connector } from '../links/connector.ts'
import type { RelayTarget } from '../dial/dial-target.ts'
import type { Interfaces } from '../dial/dial-order.ts'
import type { LinkTable } from '../links/link-table.ts'
import type { DialOptions, NodeCore } from '../libp2p/node.ts'
import { whileRunning } from '../../core/while-running.ts'
import type { Dials } from './attempt.ts'
import { upgradeDefaults } from './defaults.ts'
import { meetingDial } from './meeting-dial.ts'
import { observedFrom, type Observation, type Observed } from './observed-addresses.ts'
import { PunchPort } from './punch-port.ts'
import { Upgrader, type UpgradeReport } from './upgrader.ts'
import { WebRtc } from './webrtc.ts'

export interface UpgradeSettings {
  /** Relays of the mesh: they say where they see this member, and answer STUN where they list `/udp/PORT`. */
  relays: () => readonly RelayTarget[]
  /** An attempt ended. */
  onReport?: (report: UpgradeReport) => void
  /** Pauses after failed attempts, milliseconds. */
  retryMs?: readonly number[]
  /** Uniform in [0, 1). @default Math.random */
  random?: () => number
  /** Where this member is seen, and the local port seen there. @default as relays report in their hello */
  observed?: () => Observed
}

export interface UpgradesInit extends UpgradeSettings {
  /** Own peer id. */
  self: string
  links: LinkTable
  connector: Connector
  admissions: Admissions
  core: () => NodeCore
  interfaces: () => Interfaces
  /** Own addresses, without peer id. */
  listen: () => readonly string[]
  onError: (error: unknown) => void
}

export class Upgrades {
  readonly upgrader: Upgrader
  readonly #core: () => NodeCore
  readonly #relays: UpgradesInit['relays']
  readonly #links: LinkTable
  readonly #admissions: Admissions
  readonly #connector: Connector
  readonly #port: PunchPort
  readonly #webrtc: WebRtc
  readonly #observations = new Map<Connection, Observation>()

  constructor(init: UpgradesInit) {
    this.#core = init.core
    this.#relays = init.relays
    this.#links = init.links
    this.#admissions = init.admissions
    this.#connector = init.connector
    const random = init.random ?? Math.random
    this.#port = new PunchPort(random)
    this.#webrtc = new WebRtc({ core: init.core, stunServers: () => this.#stunServers() })
    this.upgrader = new Upgrader({
      ...init,
      random,
      onReport: init.onReport ?? (() => {}),
      dials: this.#dials(),
      observed: init.observed ?? (() => this.observed()),
      webrtc: () => this.#webrtc.available,
    })
  }

  /** Where relays see this member now. */
  observed(): Observed {
    return observedFrom([...this.#observations.values()])
  }

  /** Dials as the transport manager does, relays from the punching port. */
  dial(addr: Multiaddr, options: DialOptions): Promise<Connection> {
    const { transportManager } = this.#core()
    if (!this.#isRelay(addr.toString())) return transportManager.dial(addr, options)
    return this.#port.dial(from => transportManager.dial(addr, { ...options, ...from }))
  }

  /** A peer reports where it sees this member: only relays are believed. */
  onObserved(connection: Connection, { peerId, credential }: Peer, observed: string): void {
    const localPort = this.#port.of(connection)
    if (localPort === undefined || !credential.roles.includes('relay') || connection.status !== 'open') return
    const before = JSON.stringify(this.observed())
    this.#observations.set(connection, { relayId: peerId, localPort, addr: withoutPeer(observed) })
    connection.addEventListener('close', () => this.#observations.delete(connection))
    if (JSON.stringify(this.observed()) !== before) this.upgrader.changed()
  }

  /** Stops the attempts, then what they made. Links are closed before. */
  async stop(): Promise<void> {
    await this.upgrader.stop()
  }

  /** After the links are closed. */
  async release(): Promise<void> {
    await this.#webrtc.stop()
  }

  #isRelay(addr: string): boolean {
    if (partsOf(addr)?.over !== 'tcp') return false
    return this.#relays().some(({ peerId }) => addr.endsWith(`/p2p/${peerId}`))
  }

  /** STUN servers of linked relays only, because the library asks just one server. */
  #stunServers(): string[] {
    const listed = this.#relays().filter(({ peerId }) => this.#links.best(peerId) !== undefined)
    return listed.flatMap(({ addrs }) => addrs.flatMap(addr => stunUrl(addr) ?? [])).slice(0, 1)
  }

  #dials(): Dials {
    return {
      direct: (addr, peerId, signal) =>
        this.#connect(signal, dial =>
          this.#core().transportManager.dial(multiaddr(withPeer(addr, peerId)), dial),
        ),
      meet: async (addr, peerId, { localPort, initiator, signal }) => {
        const target = multiaddr(withPeer(addr, peerId))
        const meet = (dial: DialOptions) =>
          meetingDial(this.#core(), target, { ...dial, localPort, initiator })
        if (initiator) return this.#connect(signal, meet)
        return this.#admissions.linkOf(await dialled(signal, meet))
      },
      webrtc: async (attempt, signal) => {
        const dial = (limited: AbortSignal) => this.#webrtc.dial(attempt, limited)
        return this.#connector.dialled(await whileRunning(signal, upgradeDefaults.webrtcMs, dial), signal)
      },
      acceptWebrtc: (attempt, signal) => this.#webrtc.accept(attempt, signal),
    }
  }

  /** Dials, and says hello. */
  async #connect(signal: AbortSignal, dial: (options: DialOptions) => Promise<Connection>): Promise<unknown> {
    return this.#connector.dialled(await dialled(signal, dial), signal)
  }
}

/** Dials alone: the other end says hello. */
function dialled(
  signal: AbortSignal,
  dial: (options: DialOptions) => Promise<Connection>,
): Promise<Connection> {
  const { tryMs, handshakeMs } = upgradeDefaults
  return whileRunning(signal, tryMs, (limited, extend) => {
    const onProgress = ({ type }: { type: string }) => void (isEncrypting(type) && extend(handshakeMs))
    return dial({ signal: limited, onProgress })
  })
}

/** Progress events of libp2p: TCP is open, and TLS begins. */
const isEncrypting = (type: string): boolean => /^upgrader:encrypt-(?:in|out)bound-connection$/.test(type)

/** `/ip4/192.0.2.1/udp/3478` is where a relay answers STUN. */
function stunUrl(addr: string): string | undefined {
  const [, host, port] = /^\/(?:ip4|dns|dns4)\/([^/]+)\/udp\/(\d+)$/.exec(addr) ?? []
  return host === undefined ? undefined : `stun:${host}:${port}`
}

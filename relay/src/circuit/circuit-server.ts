/**
 * The circuit-relay server of a relay: libp2p's, behind the {@link CircuitGate}, without its limits (they end streams
 * without an error) and with a {@link Forwarder} in place of its pump. A reservation ends with the member's last
 * connection; libp2p alone would keep it for two hours.
 */
import type { RelayGater, ServiceFactory, Transport } from '@agent-mesh/agent/transport/index'
import { Listeners } from '@agent-mesh/agent/core/listeners'
import { circuitRelayServer, type CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { Connection, PeerId } from '@libp2p/interface'
import { CircuitGate, type DenialReason } from './circuit-gate.ts'
import {
  circuitDefaults,
  hopStreamsSpare,
  trafficDefaults,
  type CircuitLimits,
  type TrafficLimits,
} from './defaults.ts'
import { Forwarder, type Direction } from './forwarder.ts'
import { answerConnect, hopStatus, type HopConnectPorts } from './hop-connect.ts'
import { TrafficShaper, type SpentReason } from './traffic-shaper.ts'

export interface CircuitServerInit {
  limits?: Partial<CircuitLimits>
  traffic?: Partial<TrafficLimits>
  /** Unix milliseconds. @default Date.now */
  now?: () => number
  /** A listener failed. @default ignored */
  onError?: (error: unknown) => void
}

export interface Denial {
  reason: DenialReason
  peerId: string
}

export interface Spent {
  reason: SpentReason
  peerId: string
}

export interface CircuitServer {
  readonly gate: CircuitGate
  readonly limits: CircuitLimits
  /** For `createTransport({ relay })`. */
  readonly relay: {
    services: Record<string, ServiceFactory>
    gater: RelayGater
    /**
     * Whether it drains. Hello would refuse what dials it as well, but only after TLS, 25 ms of CPU: all agents of this relay dial it
     * until it is back.
     */
    denyInbound: () => boolean
  }
  /** Called with each reservation or circuit that was denied. */
  onDenied(listener: (denial: Denial) => void): void
  /** Called when a circuit was ended because a member has used up its day. */
  onSpent(listener: (spent: Spent) => void): void
  /** Follows the links of its member; before the transport starts. A link with a reservation is kept. */
  attach(transport: Pick<Transport, 'links'>): void
  /** Peer ids with a live reservation. */
  reservations(): string[]
  /** Open circuits through this relay. */
  circuits(): number
  /** Bytes carried so far, by direction. */
  bytes(): Readonly<Record<Direction, number>>
  /** How often a member had to wait so far. */
  throttled(): number
}

interface ServerComponents {
  connectionManager: { getConnections(peerId?: PeerId): Connection[] }
  events: EventTarget
}

export function circuitServer(init: CircuitServerInit = {}): CircuitServer {
  const limits = { ...circuitDefaults, ...init.limits }
  const { denied, spent } = circuitEvents(init)
  const shaper = new TrafficShaper({ limits: { ...trafficDefaults, ...init.traffic } })
  const onSpent = (reason: SpentReason, peerId: string): void => {
    gate.ended(reason, peerId)
    spent.emit({ reason, peerId })
  }
  const forwarder = new Forwarder({ shaper, onSpent, windowBytes: limits.windowBytes })
  const state = new ServerState()
  let links: Transport['links'] | undefined
  const gate = new CircuitGate({
    limits,
    member: peerId => links?.best(peerId)?.peer,
    reservations: { size: () => state.size, has: peerId => state.has(peerId) },
    circuits: peerId => forwarder.count(peerId),
    between: (source, target) => forwarder.between(source, target),
    spent: peerId => shaper.spent(peerId),
    now: init.now ?? Date.now,
    onDenied: (reason, peerId) => denied.emit({ reason, peerId }),
  })
  const connect: HopConnectPorts = {
    reserved: peerId => state.connectionOf(peerId),
    admit: (source, target) => {
      const leave = forwarder.place(source, target)
      const reason = gate.circuitDenial(source, target)
      if (reason === undefined) return { leave }
      leave()
      return unfitReasons.has(reason) ? hopStatus.permissionDenied : hopStatus.resourceLimitExceeded
    },
    join: (source, target, leave) => forwarder.join(source, target, leave),
  }
  return {
    gate,
    limits,
    bytes: () => forwarder.bytes,
    throttled: () => shaper.throttled,
    relay: {
      denyInbound: () => gate.draining,
      services: {
        circuit: components => state.build(components, limits, connect),
        // Circuits end with the node that carries them.
        forwarder: () => ({ start: () => {}, stop: () => forwarder.stop() }),
      },
      gater: gaterOf(gate),
    },
    onDenied: listener => void denied.add(listener),
    onSpent: listener => void spent.add(listener),
    attach: transport => {
      links = transport.links
      links.keepWhen(link => state.has(link.peer.peerId))
      transport.links.onDown(link => {
        if (transport.links.best(link.peer.peerId) === undefined) gate.releaseHome(link.peer.peerId)
      })
    },
    reservations: () => state.reserved(),
    circuits: () => forwarder.count(),
  }
}

const gaterOf = (gate: CircuitGate): RelayGater => ({
  denyInboundRelayReservation: source => gate.denyReservation(source.toString()),
  // Called by libp2p's own way of opening circuits, which must not be used.
  denyOutboundRelayedConnection: () => true,
})

const circuitEvents = ({ onError = () => {} }: CircuitServerInit) => ({
  denied: new Listeners<Denial>(onError),
  spent: new Listeners<Spent>(onError),
})

/** Denials that more capacity of this relay would not change. */
const unfitReasons: ReadonlySet<DenialReason> = new Set([
  'not_a_member',
  'credential_expired',
  'role_without_relay',
] as const)

/** What libp2p knows: reservations and connections. */
class ServerState {
  #server: CircuitRelayService | undefined
  #components: ServerComponents | undefined

  build(components: ServerComponents, limits: CircuitLimits, connect: HopConnectPorts): unknown {
    this.#components = components
    this.#server = circuitRelayServer({
      maxInboundHopStreams: limits.maxCircuitsPerMember + hopStreamsSpare,
      maxOutboundStopStreams: limits.maxCircuitsPerMember,
      reservations: { applyDefaultLimit: false, maxReservations: limits.maxReservations },
    })(components as unknown as Parameters<ReturnType<typeof circuitRelayServer>>[0])
    answerConnect(this.#server, connect)
    components.events.addEventListener('peer:disconnect', event => {
      // Through the signal, because libp2p forgets a reservation by it, and never replaces it by a later one.
      this.#server?.reservations.get((event as CustomEvent<PeerId>).detail)?.signal.reset(0)
    })
    return this.#server
  }

  reserved(): string[] {
    return [...(this.#server?.reservations.keys() ?? [])].map(String)
  }

  get size(): number {
    return this.#server?.reservations.size ?? 0
  }

  has(peerId: string): boolean {
    return this.#server?.reservations.has(keyOf(peerId)) ?? false
  }

  /** The connection of a member with a reservation. */
  connectionOf(peerId: string): Connection | undefined {
    if (!this.has(peerId)) return undefined
    return this.#components?.connectionManager
      .getConnections(keyOf(peerId))
      .find(({ status }) => status === 'open')
  }
}

/** libp2p's peer maps look up by the string form alone, so a look-up needs no key to be decoded. */
const keyOf = (peerId: string): PeerId => ({ toString: () => peerId }) as PeerId

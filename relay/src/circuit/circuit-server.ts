/**
 * The circuit-relay server of a relay: libp2p's, without its limits (they end streams without an error), behind the
 * {@link CircuitGate}. A reservation ends with the member's last connection; libp2p alone would keep it for two hours.
 */
import type { RelayGater, ServiceFactory, Transport } from '@agent-mesh/agent/transport/index'
import { circuitRelayServer, type CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { Connection, PeerId } from '@libp2p/interface'
import { CircuitGate, type DenialReason } from './circuit-gate.ts'
import { circuitDefaults, type CircuitLimits } from './defaults.ts'

const hopProtocol = '/libp2p/circuit/relay/0.2.0/hop'

export interface CircuitServerInit {
  limits?: Partial<CircuitLimits>
  /** Unix milliseconds. @default Date.now */
  now?: () => number
  onDenied?: (reason: DenialReason, peerId: string) => void
}

export interface CircuitServer {
  readonly gate: CircuitGate
  readonly limits: CircuitLimits
  /** For `createTransport({ relay })`. */
  readonly relay: { services: Record<string, ServiceFactory>; gater: RelayGater }
  /** For `createTransport({ keep })`: a link with a reservation stays. */
  keep(link: { peer: { peerId: string } }): boolean
  /** Tells the gate who is admitted; before the transport starts. */
  attach(transport: Pick<Transport, 'links'>): void
  /** Peer ids with a live reservation. */
  reservations(): string[]
  /** Open circuits through this relay. */
  circuits(): number
}

interface ServerComponents {
  connectionManager: { getConnections(peerId?: PeerId): Connection[] }
  events: EventTarget
}

export function circuitServer(init: CircuitServerInit = {}): CircuitServer {
  const limits = { ...circuitDefaults, ...init.limits }
  const state = new ServerState()
  let links: Transport['links'] | undefined
  const gate = new CircuitGate({
    limits,
    member: peerId => links?.best(peerId)?.peer,
    reservations: { size: () => state.size, has: peerId => state.has(peerId) },
    circuits: peerId => state.circuits(peerId),
    now: init.now ?? Date.now,
    onDenied: init.onDenied ?? (() => {}),
  })
  return {
    gate,
    limits,
    relay: {
      services: { circuit: components => state.build(components, limits) },
      gater: {
        denyInboundRelayReservation: source => gate.denyReservation(source.toString()),
        denyOutboundRelayedConnection: (source, target) =>
          gate.denyCircuit(source.toString(), target.toString()),
      },
    },
    keep: link => state.has(link.peer.peerId),
    attach: transport => {
      links = transport.links
      transport.links.onDown(link => {
        if (transport.links.best(link.peer.peerId) === undefined) gate.releaseHome(link.peer.peerId)
      })
    },
    reservations: () => state.reserved(),
    circuits: () => state.circuits(),
  }
}

/** What libp2p knows: reservations and hop streams. */
class ServerState {
  #server: CircuitRelayService | undefined
  #components: ServerComponents | undefined

  build(components: ServerComponents, limits: CircuitLimits): unknown {
    this.#components = components
    this.#server = circuitRelayServer({
      maxInboundHopStreams: limits.maxCircuitsPerMember,
      maxOutboundStopStreams: limits.maxCircuitsPerMember,
      reservations: { applyDefaultLimit: false, maxReservations: limits.maxReservations },
    })(components as unknown as Parameters<ReturnType<typeof circuitRelayServer>>[0])
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

  circuits(peerId?: string): number {
    const connections =
      this.#components?.connectionManager.getConnections(peerId === undefined ? undefined : keyOf(peerId)) ??
      []
    return connections
      .flatMap(({ streams }) => streams)
      .filter(({ protocol, direction }) => protocol === hopProtocol && direction === 'inbound').length
  }
}

/** libp2p's peer maps look up by the string form alone, so a look-up needs no key to be decoded. */
const keyOf = (peerId: string): PeerId => ({ toString: () => peerId }) as PeerId

/**
 * Reservations of this member at its relays, made explicitly on a link that exists. libp2p's own mechanisms do not fit: it
 * never reserves again at a configured relay that returns, and its discovery also takes slots at relays that are only visited.
 * What remains of libp2p here is the RESERVE exchange, its renewal before expiry, and the end with the connection.
 */
import type { PeerId, Transport } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { toMeshError } from '@agent-mesh/protocol'
import { reservationStoreOf } from '../libp2p/hidden-parts.ts'

export interface Reservations {
  /** Reserves at a linked relay, or renews. @throws MeshError unavailable when it refuses */
  reserve(relayId: string): Promise<void>
  /** Reserves anew on the same link: the time of the next renewal was computed from a wrong clock. @throws MeshError as reserve */
  renew(relayId: string): Promise<void>
  /** Whether a reservation there is live. */
  has(relayId: string): boolean
  /** Stops renewing one; it ends with the link. */
  release(relayId: string): void
  /** Whether circuits from this relay are accepted. */
  wanted(relayId: string): boolean
  /** @returns removes the callback */
  onLost(callback: (relayId: string) => void): () => void
}

export function reservationsOf(circuit: Transport): Reservations {
  const store = reservationStoreOf(circuit)
  // A relay that once failed would stay refused permanently: the relay client decides which relays are dialled again.
  store.relayFilter = { has: () => false, add: () => {} }
  const wanted = new Set<string>()
  const reserve = async (relayId: string) => {
    wanted.add(relayId)
    try {
      await store.addRelay(peerIdFromString(relayId), 'configured')
    } catch (error) {
      throw toMeshError(error, 'unavailable', `reserve at relay ${relayId}`)
    }
  }
  return {
    reserve,
    renew: relayId => {
      const relay = peerIdFromString(relayId)
      clearTimeout(store.reservations.get(relay)?.timeout)
      store.reservations.delete(relay)
      return reserve(relayId)
    },
    has: relayId => store.hasReservation(peerIdFromString(relayId)),
    release: relayId => void wanted.delete(relayId),
    wanted: relayId => wanted.has(relayId),
    onLost: callback => {
      const listener = (event: Event) =>
        callback((event as CustomEvent<{ relay: PeerId }>).detail.relay.toString())
      store.addEventListener('relay:removed', listener)
      return () => store.removeEventListener('relay:removed', listener)
    },
  }
}

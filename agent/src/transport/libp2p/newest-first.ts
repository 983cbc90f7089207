/**
 * For circuits, reservations and STOP, libp2p uses the first connection to a peer that is listed, which is the oldest. Of two
 * connections the older may be dead, since the peer had a reason to open another.
 */
import type { Connection, PeerId } from '@libp2p/interface'

export interface ConnectionLister {
  getConnections(peerId?: PeerId): Connection[]
}

/** Makes `manager` list the connections to a peer newest first, suspect ones last. */
export function newestFirst(manager: ConnectionLister, isDoubted: (connectionId: string) => boolean): void {
  const listed = manager.getConnections.bind(manager)
  const last = (connection: Connection) => Number(isDoubted(connection.id))
  manager.getConnections = peerId => {
    const connections = listed(peerId)
    if (peerId === undefined || connections.length < 2) return connections
    return [...connections].sort((a, b) => last(a) - last(b) || b.timeline.open - a.timeline.open)
  }
}

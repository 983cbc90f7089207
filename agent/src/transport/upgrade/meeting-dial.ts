/**
 * A dial to meet a peer that dials this member at the same time. Of the two ends one must be the server of TLS and of yamux
 * though both dialled; libp2p's dial queue drops the option that says so, and both muxers would be clients.
 */
import type { Connection, MultiaddrConnection, Upgrader } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { DialOptions, NodeCore } from '../libp2p/node.ts'

export interface MeetingDialOptions extends DialOptions {
  /** Exactly one of the two. */
  initiator: boolean
}

/** @throws whatever the TCP transport or the handshake may */
export async function meetingDial(
  core: NodeCore,
  addr: Multiaddr,
  options: MeetingDialOptions,
): Promise<Connection> {
  const transport = core.transportManager.dialTransportForMultiaddr(addr)
  if (transport === undefined) throw new Error(`No transport for ${addr.toString()}`)
  const upgrader = options.initiator ? core.upgrader : answering(core.upgrader)
  return transport.dial(addr, { ...options, upgrader } as Parameters<typeof transport.dial>[1])
}

/** Upgrades the dialled socket as an inbound one. */
function answering(upgrader: Upgrader): Upgrader {
  const upgradeOutbound = (
    connection: MultiaddrConnection,
    options: Parameters<Upgrader['upgradeOutbound']>[1],
  ) => {
    connection.direction = 'inbound'
    return upgrader.upgradeOutbound(connection, options)
  }
  return Object.assign(Object.create(upgrader) as Upgrader, { upgradeOutbound })
}

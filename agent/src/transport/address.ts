/**
 * Addresses as strings (multiaddrs): `/ip4/192.0.2.1/tcp/4001`. What follows from one without asking the network.
 * Circuit addresses are derived: `RELAY_ADDR/p2p/RELAY/p2p-circuit/p2p/PEER`.
 */

/** How two members are connected, best first. */
export const paths = ['direct', 'webrtc', 'relay'] as const
export type Path = (typeof paths)[number]

export function pathOf(addr: string): Path {
  if (addr.includes('/webrtc')) return 'webrtc'
  return addr.includes('/p2p-circuit') ? 'relay' : 'direct'
}

/** The peer id of the relay an address goes through. */
export const relayOf = (addr: string): string | undefined =>
  /\/p2p\/([^/]+)\/p2p-circuit(?:\/|$)/.exec(addr)?.[1]

/** An address without its trailing `/p2p/PEER`. */
export const withoutPeer = (addr: string): string => addr.replace(/\/p2p\/[^/]+$/, '')

export const withPeer = (addr: string, peerId: string): string => `${withoutPeer(addr)}/p2p/${peerId}`

/** @param relayAddr with or without `/p2p/RELAY` */
export const circuitAddr = (relayAddr: string, relayId: string, peerId: string): string =>
  `${withPeer(relayAddr, relayId)}/p2p-circuit/p2p/${peerId}`

/** Address families this host has a route for. */
export interface Families {
  ip4: boolean
  ip6: boolean
}

/** Families of `os.networkInterfaces()`; loopback alone counts, an IPv6 link-local address does not. */
export function familiesOf(interfaces: NodeJS.Dict<{ family: string; address: string }[]>): Families {
  const all = Object.values(interfaces).flatMap(list => list ?? [])
  return {
    ip4: all.some(({ family }) => family === 'IPv4'),
    ip6: all.some(({ family, address }) => family === 'IPv6' && !address.toLowerCase().startsWith('fe80')),
  }
}

const tcp = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/([0-9]{1,5})(?:\/p2p\/[^/]+)?$/

/** Whether a dial can work at all: TCP, a real port, a host that is one, a family this host has. */
export function isDialable(addr: string, families: Families): boolean {
  const [, kind, host = '', port = ''] = tcp.exec(addr) ?? []
  if (kind === undefined || Number(port) < 1 || Number(port) > 65_535) return false
  if (kind === 'ip4') return families.ip4 && !host.startsWith('0.') && !host.startsWith('169.254.')
  if (kind === 'ip6') return families.ip6 && host !== '::' && !host.toLowerCase().startsWith('fe80')
  return true
}

/**
 * Addresses as strings (multiaddrs): `/ip4/192.0.2.1/tcp/4001`. What follows from one without asking the network.
 * Circuit addresses are derived: `RELAY_ADDR/p2p/RELAY/p2p-circuit/p2p/PEER`.
 */
import { BlockList, isIP } from 'node:net'
import { sourceOf } from '@agent-mesh/protocol'

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

/** The source that an incoming connection counts for: its host, and for a circuit the peer behind the relay. */
export function sourceOfAddr(addr: string): string {
  if (pathOf(addr) !== 'direct') return /\/p2p\/([^/]+)(?:\/webrtc)?$/.exec(addr)?.[1] ?? addr
  return sourceOf(/\/ip[46]\/([^/]+)/.exec(addr)?.[1] ?? addr)
}

/** What an address is made of, before anything is asked of the network. */
export interface AddressParts {
  kind: 'ip4' | 'ip6' | 'dns' | 'dns4' | 'dns6'
  host: string
  port: number
  /** What runs over TCP; `wss` is a WebSocket below TLS of the web. */
  over: 'tcp' | 'ws' | 'wss'
}

const shape =
  /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/([0-9]{1,5})(\/ws|\/wss|\/tls\/ws)?(?:\/p2p\/[^/]+)?$/

/** Parts of an address that can be dialled without help: TCP or a WebSocket, with a real port. */
export function partsOf(addr: string): AddressParts | undefined {
  const [, kind, host = '', digits = '', web] = shape.exec(addr) ?? []
  const port = Number(digits)
  if (kind === undefined || port < 1 || port > 65_535) return undefined
  const over = web === undefined ? 'tcp' : web === '/ws' ? 'ws' : 'wss'
  return { kind: kind as AddressParts['kind'], host: host.toLowerCase(), port, over }
}

/** The scope of an IP address. `none`: no host, or more than one. */
export type Scope = 'loopback' | 'private' | 'public' | 'none'

const ranges = (entries: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const entry of entries) {
    const [network = '', bits] = entry.split('/')
    list.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}
const loopbackRanges = ranges(['127.0.0.0/8', '::1/128'])
/** RFC 1918, RFC 6598 (shared by carriers), RFC 4193. */
const privateRanges = ranges(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'])
/** This network, link-local (it needs an interface), multicast, reserved. */
const noRanges = ranges(['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/128', 'fe80::/10', 'ff00::/8'])

/** @param host an IP address; anything else is `none` */
export function scopeOf(host: string): Scope {
  const family = isIP(host)
  if (family === 0) return 'none'
  const type = family === 6 ? 'ipv6' : 'ipv4'
  if (noRanges.check(host, type)) return 'none'
  if (loopbackRanges.check(host, type)) return 'loopback'
  return privateRanges.check(host, type) ? 'private' : 'public'
}

/**
 * The order in which the addresses of a peer are dialled, by this host's interfaces: pure, table-tested. Addresses of the own
 * subnets come first, then the Internet with both families interleaved (RFC 8305), then WebSockets, and last the addresses
 * that are most likely unreachable: private addresses of other networks.
 */
import { BlockList, isIP } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { partsOf, scopeOf, type AddressParts } from '../address.ts'
import { transportDefaults } from '../defaults.ts'

/** As `os.networkInterfaces()` gives them. */
export type Interfaces = NodeJS.Dict<Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal' | 'cidr'>[]>

/** Bridges and virtual interfaces of containers and virtual machines on this host: no other host reaches the networks behind them. */
const container =
  /^(?:docker\d|br-[0-9a-f]{12}$|veth|cni\d|cbr\d|virbr\d|vnet\d|podman\d|lxcbr\d|lxdbr\d|flannel|cali)/

/**
 * Addresses that other hosts may reach: those of container networks only where there are no others, as inside a container.
 * @returns without loopback
 */
export function outward(interfaces: Interfaces): Pick<NetworkInterfaceInfo, 'address' | 'family' | 'cidr'>[] {
  const named = Object.entries(interfaces).flatMap(([name, list]) =>
    (list ?? []).filter(({ internal }) => !internal).map(info => ({ name, info })),
  )
  const real = named.filter(({ name }) => !container.test(name))
  return (real.length > 0 ? real : named).map(({ info }) => info)
}

/** Addresses of bridges to containers on this host. */
export function inward(interfaces: Interfaces): Set<string> {
  const kept = new Set(outward(interfaces).map(({ address }) => address))
  const all = Object.values(interfaces).flatMap(list => list ?? [])
  return new Set(
    all.filter(({ internal, address }) => !internal && !kept.has(address)).map(({ address }) => address),
  )
}

const ranks = { near: 0, internet: 1, web: 2, foreign: 3, foreignWeb: 4, loopback: 5 } as const
type Rank = (typeof ranks)[keyof typeof ranks]

/** @returns at most `maxDialAddrs`, each once; what cannot work at all is left out */
export function dialOrder(addrs: readonly string[], interfaces: Interfaces): string[] {
  const own = ownNetwork(interfaces)
  const ranked = [...new Set(addrs)].flatMap(addr => {
    const parts = partsOf(addr)
    const rank = parts === undefined ? undefined : rankOf(parts, own)
    return rank === undefined ? [] : [{ addr, rank, six: parts?.kind === 'ip6' }]
  })
  const elsewhere = ranked.filter(({ rank }) => rank !== ranks.loopback)
  // Loopback of another host is this host: it counts only for a mesh on one machine, which lists nothing else.
  const useful = elsewhere.length > 0 ? elsewhere : ranked
  const ordered = Object.values(ranks).flatMap(rank => {
    const equals = useful.filter(entry => entry.rank === rank)
    return interleave(
      equals.filter(({ six }) => six),
      equals.filter(({ six }) => !six),
    )
  })
  return ordered.map(({ addr }) => addr).slice(0, transportDefaults.maxDialAddrs)
}

interface OwnNetwork {
  subnets: BlockList
  /** Has an address other than loopback. */
  ip4: boolean
  ip6: boolean
  /** There is any address at all, loopback too. */
  loopback4: boolean
  loopback6: boolean
  /** Has a global address: private ones reach no other network in IPv6, which has no NAT. */
  global6: boolean
}

/** The subnets that this host is on. */
export function subnetsOf(interfaces: Interfaces): BlockList {
  const subnets = new BlockList()
  for (const { address, cidr, family } of outward(interfaces)) {
    const [network = '', bits] = cidr?.split('/') ?? []
    if (isIP(network) > 0 && scopeOf(address) !== 'none')
      subnets.addSubnet(network, Number(bits), family === 'IPv6' ? 'ipv6' : 'ipv4')
  }
  return subnets
}

function ownNetwork(interfaces: Interfaces): OwnNetwork {
  const out = outward(interfaces).filter(({ address }) => scopeOf(address) !== 'none')
  const all = Object.values(interfaces).flatMap(list => list ?? [])
  const has = (list: readonly { family: string }[], family: string) =>
    list.some(info => info.family === family)
  return {
    subnets: subnetsOf(interfaces),
    ip4: has(out, 'IPv4'),
    ip6: has(out, 'IPv6'),
    loopback4: has(all, 'IPv4'),
    loopback6: has(all, 'IPv6'),
    global6: out.some(({ address, family }) => family === 'IPv6' && scopeOf(address) === 'public'),
  }
}

/** @returns undefined for what cannot work */
function rankOf({ kind, host, over }: AddressParts, own: OwnNetwork): Rank | undefined {
  const far = over === 'tcp' ? ranks.foreign : ranks.foreignWeb
  const internet = over === 'tcp' ? ranks.internet : ranks.web
  if (kind !== 'ip4' && kind !== 'ip6') return internet
  const six = kind === 'ip6'
  const scope = scopeOf(host)
  if (scope === 'none' || isIP(host) !== (six ? 6 : 4)) return undefined
  if (scope === 'loopback') return (six ? own.loopback6 : own.loopback4) ? ranks.loopback : undefined
  if (!(six ? own.ip6 : own.ip4)) return undefined
  if (own.subnets.check(host, six ? 'ipv6' : 'ipv4')) return over === 'tcp' ? ranks.near : ranks.web
  if (scope === 'private') return far
  return six && !own.global6 ? far : internet
}

function interleave<T>(a: readonly T[], b: readonly T[]): T[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => [a[i], b[i]])
    .flat()
    .filter(entry => entry !== undefined)
}

/**
 * The Internet of one run: a bridge in a namespace of its own, public hosts on it, and hosts behind routers. Nothing of
 * it is in the namespace of the machine, so that runs do not meet and nothing of the machine is touched.
 */
import {
  carrierNet,
  hostAddress,
  internetRouter,
  lanOf,
  proxyPort,
  type PublicAddress,
} from './address-plan.ts'
import { routerRules, type Kind } from './kinds.ts'
import { removeNamespaces } from './leftovers.ts'
import { shell } from './shell.ts'

/** A machine of the lab. */
export interface Site {
  /** As in `cone-1`. */
  name: string
  /** Network namespace it lives in. */
  namespace: string
  /** What the Internet sees. */
  address: PublicAddress
}

/** A machine in a network of some kind. */
export interface Host extends Site {
  kind: Kind
  /** Its address on its own network; the public one when it has no router. */
  lanAddress: string
  /** Namespaces of its routers, the nearest first. */
  routers: readonly string[]
  /** Address of the proxy that it must use; the lab has to run it in the first router. */
  proxy?: { host: string; port: number }
}

/** Addresses that the Internet of a run speaks. IPv6 is beside IPv4, or alone. */
export type Families = 'both' | 'ip6'

export class Topology {
  readonly prefix: string
  readonly families: Families
  #ports = 0
  #hosts = 0

  private constructor(prefix: string, families: Families) {
    this.prefix = prefix
    this.families = families
  }

  /** @param run short and unique: namespaces are named after it */
  static async open(run: string, families: Families = 'both'): Promise<Topology> {
    const topology = new Topology(`aml-${run}`, families)
    const internet = topology.#namespace('internet')
    await shell(`
      ip netns add ${internet}
      ip -n ${internet} link set lo up
      ip -n ${internet} link add bridge type bridge
      ip -n ${internet} addr add ${internetRouter}/24 dev bridge
      ip -n ${internet} link set bridge up
      ip netns exec ${internet} sysctl -qw net.ipv4.ip_forward=0`)
    return topology
  }

  /** A host with a public address and no filter: a control plane, a relay. */
  async publicSite(name: string, address: PublicAddress): Promise<Site> {
    const namespace = this.#namespace(name)
    await shell(`${this.#newNamespace(namespace)}
      ${this.#plug(namespace, 'wan', address)}`)
    return { name, namespace, address }
  }

  /** A host in a network of a kind, with a router of its own if the kind has one. */
  async host(name: string, kind: Kind): Promise<Host> {
    const n = this.#hosts++
    const address = hostAddress(n)
    if (kind === 'open') {
      const site = await this.publicSite(name, address)
      return { ...site, kind, lanAddress: address.ip4, routers: [] }
    }
    const namespace = this.#namespace(name)
    const [near, far] = [this.#namespace(`${name}-router`), this.#namespace(`${name}-carrier`)]
    const { router, host } = lanOf(n)
    const routers = kind === 'double-nat' ? [near, far] : [near]
    await shell(`${this.#newNamespace(namespace)}
      ${routers.map(each => this.#newNamespace(each)).join('\n')}
      ${this.#join({ host: namespace, hostEnd: 'eth0', hostAddress: host, router: near, routerEnd: 'lan', routerAddress: router })}
      ${kind === 'double-nat' ? this.#join({ host: near, hostEnd: 'wan', hostAddress: carrierNet.inner, router: far, routerEnd: 'lan', routerAddress: carrierNet.outer }) : ''}
      ${this.#plug(routers.at(-1) ?? near, 'wan', address)}
      ${setRules(near, kind === 'double-nat' ? 'cone' : kind, host)}
      ${kind === 'double-nat' ? setRules(far, 'cone', carrierNet.inner) : ''}`)
    return {
      ...{ name, namespace, address, kind, lanAddress: host, routers },
      ...(kind === 'http-proxy' ? { proxy: { host: router, port: proxyPort } } : {}),
    }
  }

  /** Ends what runs in it and removes it. Idempotent. */
  async close(): Promise<void> {
    await removeNamespaces(name => name.startsWith(`${this.prefix}-`))
  }

  /** A second host on the network of one that has a router of kind cone, which becomes a switch as well. */
  async neighbour(of: Host, name: string): Promise<Host> {
    const namespace = this.#namespace(name)
    const [router = ''] = of.routers
    const lanAddress = '192.168.1.250'
    await shell(`${this.#newNamespace(namespace)}
      ip -n ${router} link add switch type bridge
      ip -n ${router} addr flush dev lan
      ip -n ${router} link set lan master switch
      ip -n ${router} addr add ${lanOf(0).router}/24 dev switch
      ip -n ${router} link set switch up
      ip -n ${router} link add lan2 type veth peer name eth0 netns ${namespace}
      ip -n ${router} link set lan2 master switch up
      ${useNetwork(namespace, 'eth0', lanAddress, lanOf(0).router)}`)
    return { ...of, name, namespace, lanAddress }
  }

  /** Takes a host off its network and puts it on another one, behind a cone of its own: as from Wi-Fi to a telephone. */
  async switchUplink(host: Host): Promise<void> {
    const router = this.#namespace(`${host.name}-other`)
    const [near, own] = ['192.168.8.1', '192.168.8.2']
    await shell(`${this.#newNamespace(router)}
      ${this.#plug(router, 'wan', hostAddress(this.#hosts++))}
      ${setRules(router, 'cone', own)}
      ip -n ${host.namespace} link set eth0 down
      ${this.#join({ host: host.namespace, hostEnd: 'eth1', hostAddress: own, router, routerEnd: 'lan', routerAddress: near })}`)
  }

  /** Script: a cable from a namespace to the Internet. */
  #plug(namespace: string, end: string, { ip4, ip6 }: PublicAddress): string {
    const internet = this.#namespace('internet')
    const port = `port${this.#ports++}`
    return `
      ip -n ${internet} link add ${port} type veth peer name ${end} netns ${namespace}
      ip -n ${internet} link set ${port} master bridge up
      ip -n ${namespace} link set ${end} up
      ip -n ${namespace} addr add ${ip6}/64 dev ${end} nodad
      ${this.families === 'both' ? useNetwork(namespace, end, ip4, internetRouter) : ''}`
  }

  /** Script: a cable between a host and its router, and the host's way out. */
  #join(cable: Cable): string {
    const { host, hostEnd, hostAddress, router, routerEnd, routerAddress } = cable
    return `
      ip -n ${router} link add ${routerEnd} type veth peer name ${hostEnd} netns ${host}
      ip -n ${router} addr add ${routerAddress}/24 dev ${routerEnd}
      ip -n ${router} link set ${routerEnd} up
      ${useNetwork(host, hostEnd, hostAddress, routerAddress)}`
  }

  #namespace(name: string): string {
    return `${this.prefix}-${name}`
  }

  /** A connection that a router forgot stays forgotten: it takes no packet for the middle of a new one. */
  #newNamespace(namespace: string): string {
    return `
      ip netns add ${namespace}
      ip netns exec ${namespace} sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_tcp_loose=0
      ip -n ${namespace} link set lo up`
  }
}

interface Cable {
  host: string
  hostEnd: string
  hostAddress: string
  router: string
  routerEnd: string
  routerAddress: string
}

/** Script: gives an interface an address of a /24 and the way out. */
const useNetwork = (namespace: string, end: string, address: string, router: string): string => `
      ip -n ${namespace} link set ${end} up
      ip -n ${namespace} addr add ${address}/24 dev ${end}
      ip -n ${namespace} route replace default via ${router}`

/** Script: makes a router one of a kind. */
export const setRules = (namespace: string, kind: Kind, hostAddress: string, randomPorts?: boolean): string =>
  `ip netns exec ${namespace} nft -f - <<'RULES'
${routerRules({ kind, hostAddress, ...(randomPorts === undefined ? {} : { randomPorts }) })}
RULES`

/**
 * Members on the LAN: finds them by multicast DNS, gives the dialler their addresses, and puts into the map peers that proved to
 * be members. Dials only peers that the map does not know yet or that are watched, few at a time and with growing pauses: what claims to
 * be here may be no member.
 */
import type { NetworkInterfaceInfo } from 'node:os'
import { discoveryDefaults } from '../discovery/defaults.ts'
import { Mdns, type LanInterface } from '../discovery/mdns.ts'
import { outward, partsOf, scopeOf, type Interfaces, type Link } from '../transport/index.ts'
import { agentDefaults } from './defaults.ts'
import type { Member } from '../member/member.ts'
import type { MdnsOptions } from '../member/options.ts'

export interface LanInit {
  member: Pick<Member, 'identity' | 'controlPlane' | 'map' | 'transport' | 'log' | 'preset'>
  options: MdnsOptions
  interfaces: () => Interfaces
}

interface Seen {
  addr: string
  /** Monotonic milliseconds. */
  at: number
  /** Not dialled before; grows with each failure. */
  dialAt: number
  failures: number
}

const now = () => performance.now()

export class Lan {
  readonly #member: LanInit['member']
  readonly #mdns: Mdns
  readonly #seen = new Map<string, Seen>()
  readonly #dials = new Map<string, Promise<void>>()
  readonly #wanted: ((peerId: string) => boolean)[] = []
  readonly #meetings = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  /** A bucket of dials, filled with time. */
  #tokens: number = agentDefaults.lanDialBurst
  #filledAt = now()
  #unsubscribe: (() => void) | undefined

  constructor(init: LanInit) {
    const { member, options } = init
    this.#member = init.member
    this.#mdns = new Mdns({
      meshId: member.controlPlane.meshId,
      peerId: member.identity.peerId,
      interfaces: () => lanInterfaces(init.interfaces(), options.interfaces),
      portOn: address => portOn(address, member.transport.listening()),
      onFound: (peerId, addr) => this.#found(peerId, addr),
      onError: err =>
        member.log.warn({ event: 'lan-search-failed', err }, 'cannot look for members on the LAN'),
      port: options.port,
      tellMs: member.preset === 'metered' ? discoveryDefaults.mdnsMeteredTellMs : undefined,
    })
  }

  /** From now on a peer that the map knows is dialled, too, when `wanted` says so, or any given before. */
  dialWhen(wanted: (peerId: string) => boolean): void {
    this.#wanted.push(wanted)
  }

  start(): void {
    this.#unsubscribe = this.#member.transport.links.onUp(link => this.#meet(link))
    this.#mdns.start()
  }

  /** The addresses of this host changed. */
  networkChanged(): void {
    if (!this.#stopping.signal.aborted) this.#mdns.look()
  }

  /** The address that a peer announced a moment ago. */
  addrsOf(peerId: string): string[] {
    const seen = this.#seen.get(peerId)
    return seen === undefined || now() - seen.at > agentDefaults.lanSeenMs ? [] : [seen.addr]
  }

  /** Ends the search, then dials under way and what they found. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#mdns.stop()
    this.#unsubscribe?.()
    await Promise.all([...this.#dials.values(), ...this.#meetings])
  }

  #meet({ peer }: Link): void {
    const { map, log } = this.#member
    const met: Promise<void> = map
      .meet(peer)
      .then(
        () => {},
        (err: unknown) =>
          log.warn({ event: 'member-not-mapped', err, peerId: peer.peerId }, 'not put into the map'),
      )
      .finally(() => this.#meetings.delete(met))
    this.#meetings.add(met)
  }

  #found(peerId: string, addr: string): void {
    if (this.#stopping.signal.aborted) return
    const known = this.#seen.get(peerId)
    // Two places at once: the one that answered last time is believed until it is silent for long.
    const moved = known !== undefined && known.addr !== addr
    if (moved && this.addrsOf(peerId).length > 0 && this.#linked(peerId)) return
    this.#seen.delete(peerId)
    this.#seen.set(peerId, { dialAt: 0, failures: 0, ...known, addr, at: now() })
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > agentDefaults.lanPeers && oldest !== undefined) this.#seen.delete(oldest)
    this.#perhapsDial(peerId)
  }

  #linked(peerId: string): boolean {
    return this.#member.transport.links.best(peerId) !== undefined
  }

  #perhapsDial(peerId: string): void {
    const seen = this.#seen.get(peerId)
    const isWanted = this.#member.map.get(peerId) === undefined || this.#wanted.some(wanted => wanted(peerId))
    if (seen === undefined || !isWanted || this.#linked(peerId) || this.#dials.has(peerId)) return
    if (now() < seen.dialAt || this.#dials.size >= agentDefaults.lanDials || !this.#takeToken()) return
    const dial = this.#dial(peerId, seen).finally(() => this.#dials.delete(peerId))
    this.#dials.set(peerId, dial)
  }

  #takeToken(): boolean {
    const at = now()
    this.#tokens = Math.min(
      agentDefaults.lanDialBurst,
      this.#tokens + (at - this.#filledAt) / agentDefaults.lanDialMs,
    )
    this.#filledAt = at
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  async #dial(peerId: string, seen: Seen): Promise<void> {
    const { transport, log } = this.#member
    const { signal } = this.#stopping
    try {
      await transport.connect({ peerId, addrs: [seen.addr], relays: [] }, { signal })
      seen.failures = 0
    } catch (err) {
      seen.dialAt =
        now() + Math.min(agentDefaults.lanRetryMaxMs, agentDefaults.lanRetryMinMs * 2 ** seen.failures)
      seen.failures++
      if (!signal.aborted)
        log.debug(
          { event: 'lan-member-unreachable', peerId, addr: seen.addr, err },
          'found on the LAN, not reached',
        )
    }
  }
}

/** IPv4 interfaces on private networks; those named are taken as they are. */
export function lanInterfaces(interfaces: Interfaces, names?: readonly string[]): LanInterface[] {
  const chosen =
    names === undefined
      ? outward(interfaces).filter(({ address }) => scopeOf(address) === 'private')
      : names.flatMap(name => interfaces[name] ?? [])
  return chosen.flatMap(
    ({ address, cidr, family }: Pick<NetworkInterfaceInfo, 'address' | 'cidr' | 'family'>) =>
      family === 'IPv4' && cidr !== null ? [{ address, cidr }] : [],
  )
}

/** Port listened on at an address of this host, by TCP alone. */
function portOn(address: string, listening: readonly string[]): number | undefined {
  for (const addr of listening) {
    const parts = partsOf(addr)
    if (parts?.over === 'tcp' && parts.host === address) return parts.port
  }
  return undefined
}

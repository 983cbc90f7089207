/** Who can be called, by the map, and how to reach them: what room services asks of the rooms below. */
import { MeshError } from '@agent-mesh/protocol'
import type { Callee, CallTargets, ConnectOptions } from '../services/index.ts'
import type { DialTarget } from '../transport/dial-target.ts'
import type { Link } from '../transport/link.ts'
import type { Member } from './member.ts'
import type { PathChoice } from './options.ts'

export interface TargetsInit {
  member: Pick<Member, 'map' | 'head' | 'transport' | 'serving' | 'identity' | 'belief'>
  paths: PathChoice
  /** Where a peer is on the LAN. @default nowhere */
  lan?: (peerId: string) => readonly string[]
  /** The own services as a link. */
  self: Callee
}

export class Targets implements CallTargets {
  readonly #init: TargetsInit

  constructor(init: TargetsInit) {
    this.#init = init
  }

  providers(service: string): string[] {
    const { map, identity, serving } = this.#init.member
    const providers = map.providers(service).map(({ peerId }) => peerId)
    // The own record may not be in the map yet, or no more.
    const others = providers.filter(peerId => peerId !== identity.peerId)
    return serving.registry.serves(service) ? [...others, identity.peerId] : others
  }

  find(nameOrPeerId: string): string | undefined {
    return this.#init.member.map.find(nameOrPeerId)?.peerId
  }

  nameOf(peerId: string): string | undefined {
    return this.#init.member.map.get(peerId)?.name
  }

  isOnline(peerId: string): boolean {
    return this.#init.member.belief.isOnline(peerId)
  }

  async connect(peerId: string, options: ConnectOptions): Promise<Callee> {
    const { member, self } = this.#init
    if (peerId === member.identity.peerId) return self
    return member.serving.sessions.of(await this.link(peerId, options))
  }

  /** The best link whose peer takes new calls. @throws MeshError as {@link Transport.connect} */
  async link(peerId: string, { deadline, signal }: Partial<ConnectOptions>): Promise<Link> {
    const { member, paths } = this.#init
    const options = { paths, ...(deadline === undefined ? {} : { deadline }), ...(signal ? { signal } : {}) }
    const link = await member.transport.connect(this.#dialTarget(peerId), options)
    if (member.serving.sessions.of(link).usable) return link
    // The peer is leaving this link: calls on it finish, this one takes another.
    link.markRetiring()
    return member.transport.connect(this.#dialTarget(peerId), options)
  }

  /**
   * The map or the relays changed: dials under way take what is known by now.
   * @param changed peer ids. @default of all
   */
  refresh(changed?: ReadonlySet<string>): void {
    const { dials } = this.#init.member.transport
    for (const peerId of dials.peers()) {
      if (changed?.has(peerId) === false) continue
      const target = this.#knownOf(peerId)
      if (target !== undefined) dials.learn(target)
    }
  }

  #dialTarget(peerId: string): DialTarget {
    const target = this.#knownOf(peerId)
    if (target !== undefined) return target
    throw new MeshError('unavailable', `Cannot reach ${peerId}: the map does not know it`)
  }

  #knownOf(peerId: string): DialTarget | undefined {
    const { map, head, transport } = this.#init.member
    const known = map.get(peerId)
    const relay = head.current.relays.find(entry => entry.peerId === peerId)
    const near = this.#init.lan?.(peerId) ?? []
    const linked = transport.links.best(peerId) !== undefined
    if (known === undefined && relay === undefined && near.length === 0 && !linked) return undefined
    const relays = head.current.relays.filter(entry => known?.record.homeRelays.includes(entry.peerId))
    return {
      peerId,
      name: known?.name ?? relay?.name ?? peerId,
      addrs: [...near, ...(known?.record.addrs ?? relay?.addrs ?? [])],
      relays: orderAs(known?.record.homeRelays ?? [], relays),
    }
  }
}

/** Home first, then standby. */
const orderAs = <T extends { peerId: string }>(order: readonly string[], relays: readonly T[]): T[] =>
  [...relays].sort((a, b) => order.indexOf(a.peerId) - order.indexOf(b.peerId))

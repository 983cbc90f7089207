/** The members that can be called, by the map, and how to reach them: what room services needs of the rooms below. */
import { MeshError, toMeshError, type ErrorCode } from '@agent-mesh/protocol'
import {
  systemWheelClock,
  type LinkCallOptions,
  type LinkStream,
  type LinkStreamOptions,
  type RpcLink,
} from '../rpc/index.ts'
import type { Callee, CallTargets, CalleeOptions, Providers } from '../services/index.ts'
import type { ConnectOptions as LinkOptions, DialTarget } from '../transport/dial/dial-target.ts'
import type { Path } from '../transport/address.ts'
import type { Link } from '../transport/links/link.ts'
import { agentDefaults } from './defaults.ts'
import type { Member } from '../member/member.ts'
import type { PathChoice } from '../member/options.ts'
import { lastSeen } from '../member/views.ts'
import { CircuitSuccessors } from '../paths/circuit-successors.ts'
import { ProviderIndex, type Place } from '../services/balance/provider-index.ts'
import type { UsesRelay } from './used-relays.ts'

export interface TargetsInit {
  member: Pick<
    Member,
    'map' | 'head' | 'transport' | 'serving' | 'identity' | 'credential' | 'belief' | 'clock' | 'health'
  >
  paths: PathChoice
  /** Where a peer is on the LAN. @default nowhere */
  lan?: (peerId: string) => readonly string[]
  /** The own services as a link. */
  self: Callee
  /** The zone of this member within its region, as its record says. @default none */
  zone?: string | undefined
  usesRelay: UsesRelay
  /** Its region, where the credential has none. @default none */
  region?: string | undefined
}

/** `awaitsWay`: a member whose record is new and lists no way is waited for. @default unless it is upkeep */
type TargetLinkOptions = Partial<CalleeOptions> & Pick<LinkOptions, 'upkeep'> & { awaitsWay?: boolean }

/** Codes of a dial that do not count against the member dialled. */
const notOfTheMember: readonly ErrorCode[] = [
  'cancelled',
  'going_away',
  'too_many_links',
  'invalid_argument',
  'internal',
]

const relayedOnly: readonly Path[] = ['relay']

/** As other members see it: the region of the credential, and what the record says beside it. */
const ownPlace = ({ member, region, zone }: TargetsInit): Place => ({
  region: member.credential.claims.region ?? region,
  zone,
})

/** A member at the other end of a link. */
class LinkedCallee implements Callee {
  readonly path: Path
  readonly #link: Link
  readonly #rpc: RpcLink

  constructor(link: Link, rpc: RpcLink) {
    this.path = link.path
    this.#link = link
    this.#rpc = rpc
  }

  /** Whether the peer takes new calls on it. */
  get usable(): boolean {
    return this.#rpc.usable
  }

  call(method: string, value: unknown, options?: LinkCallOptions): Promise<unknown> {
    this.#link.unasked = false
    return this.#rpc.call(method, value, options)
  }

  stream(method: string, value: unknown, options?: LinkStreamOptions): Promise<LinkStream> {
    this.#link.unasked = false
    return this.#rpc.stream(method, value, options)
  }
}

export class Targets implements CallTargets {
  readonly #member: TargetsInit['member']
  readonly #self: Callee
  readonly #paths: PathChoice
  readonly #usesRelay: UsesRelay
  readonly #lan: ((peerId: string) => readonly string[]) | undefined
  readonly #callees = new WeakMap<Link, LinkedCallee>()
  readonly #index: ProviderIndex
  readonly #successors: CircuitSuccessors

  constructor(init: TargetsInit) {
    this.#member = init.member
    this.#self = init.self
    this.#paths = init.paths
    this.#usesRelay = init.usesRelay
    this.#lan = init.lan
    this.#successors = new CircuitSuccessors({
      linkTo: peerId => this.lastingLink(peerId),
    })
    const { map, serving, identity, belief } = init.member
    const { registry } = serving
    const now = () => systemWheelClock.now()
    this.#index = new ProviderIndex({
      self: identity.peerId,
      ...{ registry, map, belief, now },
      place: () => ownPlace(init),
      onFlapping: (peerId, ms) => {
        const name = map.get(peerId)?.name ?? peerId
        const act = `left ${name} out of balancing for ${ms / 1_000} s: it goes offline again and again`
        init.member.health.recovery.acted('provider-left-out', act)
      },
    })
  }

  providers(service: string, now?: number): Providers {
    return this.#index.of(service, now)
  }

  versions(name: string): number[] {
    const { map, serving } = this.#member
    return [...new Set([...map.versions(name), ...serving.registry.versions(name)])]
  }

  /** This member too, which its map need not list. */
  find(nameOrPeerId: string): string | undefined {
    const { map, identity, credential } = this.#member
    if (nameOrPeerId === identity.peerId || nameOrPeerId === credential.claims.name) return identity.peerId
    return map.find(nameOrPeerId)?.peerId
  }

  nameOf(peerId: string): string | undefined {
    const { map, identity, credential } = this.#member
    return peerId === identity.peerId ? credential.claims.name : map.get(peerId)?.name
  }

  /** At once where a link is up whose relay stays, as for nearly every call. */
  callee(peerId: string, options: CalleeOptions): Callee | Promise<Callee> {
    if (peerId === this.#member.identity.peerId) return this.#self
    const allowed = this.#pathsTo(peerId) === 'relay' ? relayedOnly : undefined
    const link = this.#member.transport.links.best(peerId, allowed)
    const callee = link === undefined || link.displaced ? undefined : this.#callee(link)
    return callee?.usable === true ? callee : this.#dialled(peerId, options)
  }

  async #dialled(peerId: string, options: CalleeOptions): Promise<Callee> {
    this.#member.belief.dialled(peerId)
    const startedAt = systemWheelClock.now()
    try {
      return this.#callee(await this.link(peerId, { ...options, awaitsWay: false }))
    } catch (error) {
      this.#notReached(peerId, error, options.deadline - startedAt)
      throw error
    }
  }

  #callee(link: Link): LinkedCallee {
    const known = this.#callees.get(link)
    if (known !== undefined) return known
    const callee = new LinkedCallee(link, this.#member.serving.sessions.of(link))
    this.#callees.set(link, callee)
    return callee
  }

  /** @param ms what the dial was given */
  #notReached(peerId: string, error: unknown, ms: number): void {
    if (!(error instanceof MeshError) || notOfTheMember.includes(error.code)) return
    if (error.code === 'deadline_exceeded' && ms < agentDefaults.doubtDialMs) return
    this.#member.belief.doubt(peerId)
  }

  /**
   * The best link whose peer takes new calls; where that is a circuit whose relay leaves, another is tried first. A member
   * that has just started and lists no way yet is waited for, unless `awaitsWay` is false.
   * @throws MeshError as {@link Transport.connect}; of a member that is offline it says so, and since when
   */
  async link(peerId: string, options: TargetLinkOptions): Promise<Link> {
    try {
      return await this.#usableLink(peerId, options)
    } catch (error) {
      throw this.#explained(peerId, error)
    }
  }

  async #usableLink(
    peerId: string,
    { deadline, signal, upkeep = false, awaitsWay = !upkeep }: TargetLinkOptions,
  ): Promise<Link> {
    const limits = { ...(deadline === undefined ? {} : { deadline }), ...(signal ? { signal } : {}) }
    const options: LinkOptions = { paths: this.#pathsTo(peerId), upkeep, ...limits }
    const connect = () => this.#member.transport.connect(this.#dialTarget(peerId, awaitsWay), options)
    let link = await connect()
    if (link.displaced && !upkeep) {
      await this.#successors.awaited(link, (deadline ?? Infinity) - systemWheelClock.now(), signal)
      if (signal?.aborted === true) throw toMeshError(signal.reason, 'cancelled', `connect to ${peerId}`)
      link = await connect()
    }
    if (this.#member.serving.sessions.of(link).usable) return link
    // The peer is leaving this link: calls on it finish, this one takes another.
    link.markRetiring()
    return connect()
  }

  /** That a member is offline says more than that no address reached it. */
  #explained(peerId: string, error: unknown): unknown {
    const { map, belief, clock } = this.#member
    const member = map.get(peerId)
    if (!(error instanceof MeshError) || !unreached.includes(error.code)) return error
    if (member === undefined || belief.standing(peerId) !== 'offline') return error
    return offlineError(member.name, lastSeen(member, belief, clock.now()), error)
  }

  /** A link that goes through no draining relay. @throws MeshError as {@link Transport.connect} */
  lastingLink(peerId: string, signal?: AbortSignal): Promise<Link> {
    return this.#member.transport.connect(this.#dialTarget(peerId), {
      paths: this.#pathsTo(peerId),
      ...(signal === undefined ? {} : { signal }),
      lasting: true,
    })
  }

  /**
   * The map or the relays changed: running dials use the new addresses.
   * @param changed peer ids. @default of all
   */
  refresh(changed?: ReadonlySet<string>): void {
    const { dials } = this.#member.transport
    for (const peerId of dials.peers()) {
      if (changed?.has(peerId) === false) continue
      const target = this.#knownOf(peerId)
      if (target !== undefined) dials.learn(target)
    }
  }

  /** Relays are dialled in any case: what goes to them needs no other relay. */
  #pathsTo(peerId: string): PathChoice {
    const isRelay = () => this.#member.head.current.relays.some(relay => relay.peerId === peerId)
    return this.#paths === 'relay' && isRelay() ? 'any' : this.#paths
  }

  #dialTarget(peerId: string, awaitsWay = false): DialTarget {
    const target = this.#knownOf(peerId)
    if (target !== undefined) return awaitsWay ? { ...target, awaitWayMs: this.#awaitWayMs(peerId) } : target
    throw new MeshError('unavailable', `Cannot reach ${peerId}: the map does not know it`)
  }

  /** An incarnation is the time of the signature, or of one before it. */
  #awaitWayMs(peerId: string): number {
    const { map, clock } = this.#member
    const ageMs = clock.now() - (map.get(peerId)?.record.incarnation ?? 0)
    return Math.max(0, agentDefaults.awaitWayMs - Math.max(0, ageMs))
  }

  #knownOf(peerId: string): DialTarget | undefined {
    const { map, head, transport } = this.#member
    const known = map.get(peerId)
    const relay = head.current.relays.find(entry => entry.peerId === peerId)
    const near = this.#lan?.(peerId) ?? []
    const linked = transport.links.best(peerId) !== undefined
    if (known === undefined && relay === undefined && near.length === 0 && !linked) return undefined
    const relays = head.current.relays.filter(
      entry => known?.record.homeRelays.includes(entry.peerId) && this.#usesRelay(entry),
    )
    return {
      peerId,
      name: known?.name ?? relay?.name ?? peerId,
      addrs: [...near, ...(known?.record.addrs ?? relay?.addrs ?? [])],
      relays: orderAs(known?.record.homeRelays ?? [], relays),
    }
  }
}

/** The error of a dial to a member that does not answer. */
const unreached: readonly ErrorCode[] = ['unavailable', 'deadline_exceeded']

function offlineError(name: string, seenAt: number | undefined, error: MeshError): MeshError {
  const since = seenAt === undefined ? undefined : new Date(seenAt).toISOString()
  const { code, cause, details, notStarted } = error
  return new MeshError(
    code,
    `Cannot connect to ${name}: it is offline${since === undefined ? '' : `, last seen ${since}`}`,
    {
      cause: cause ?? error,
      details: { ...details, ...(since !== undefined && { lastSeen: since }) },
      notStarted,
      hint: `What was tried: "agent-mesh path ${name}".`,
    },
  )
}

/** Home first, then standby. */
const orderAs = <T extends { peerId: string }>(order: readonly string[], relays: readonly T[]): T[] =>
  [...relays].sort((a, b) => order.indexOf(a.peerId) - order.indexOf(b.peerId))

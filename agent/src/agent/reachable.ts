/**
 * Keeps an agent reachable and informed: home and standby relay, the map over their links, the control plane while
 * there is none, and links to the peers it watches.
 */
import { MapSync } from '../membership/map-sync.ts'
import { Rings } from '../membership/rings.ts'
import { FailureDetection } from '../member/failure-detection.ts'
import type { Link, RelayClient } from '../transport/index.ts'
import { CircuitMoves } from '../paths/circuit-moves.ts'
import { agentDefaults } from './defaults.ts'
import { pathDefaults } from '../paths/defaults.ts'
import { Home } from './home.ts'
import { homeRoundTrips, type HomeRoundTrips } from './home-round-trips.ts'
import type { Lan } from './lan.ts'
import { MapPoll } from './map-poll.ts'
import type { Member } from '../member/member.ts'
import { Rescues } from '../paths/rescues.ts'
import type { Targets } from './targets.ts'
import { unlessAborted } from '../core/unless-aborted.ts'
import { WatchLinks } from '../paths/watch-links.ts'
import type { UsesRelay } from './used-relays.ts'

export interface ReachableInit {
  member: Member
  targets: Targets
  /** The region whose relays are preferred. @default none */
  region: string | undefined
  /** @default does not look on the LAN */
  lan?: Lan | undefined
  usesRelay: UsesRelay
}

export class Reachable {
  readonly relays: RelayClient
  readonly #member: Member
  readonly #lan: Lan | undefined
  readonly #targets: Targets
  readonly #usesRelay: UsesRelay
  readonly #home: Home
  readonly #homeTrips: HomeRoundTrips
  readonly #sync: MapSync
  readonly #poll: MapPoll
  readonly #rings: Rings
  readonly #detection: FailureDetection
  readonly #watch: WatchLinks
  readonly #rescues: Rescues
  readonly #moves: CircuitMoves
  #departed: Promise<unknown> | undefined

  constructor(init: ReachableInit) {
    const { member, targets } = init
    this.#member = member
    this.#lan = init.lan
    this.#targets = targets
    this.#usesRelay = init.usesRelay
    const { head, map, client, log, clock, store, identity, transport, presence } = member
    this.#home = new Home({ signer: identity.signer, store, clock })
    this.#homeTrips = homeRoundTrips(member, homeRttMs => this.#publish({ homeRttMs }))
    this.relays = transport.relayClient({
      ...{ region: init.region, measure: (link: Link) => this.#measureRelay(link) },
      options: member.preset === 'metered' ? { measureMs: agentDefaults.meteredMeasureMs } : {},
    })
    this.#sync = new MapSync({
      ...{ head, map, presence, log },
      reopenMs: agentDefaults.mapReopenMs,
      linkTo: relay => (this.relays.homeRelays().includes(relay) ? transport.links.best(relay) : undefined),
      homeClaimFor: relay => this.#home.claimFor(relay),
      onSilent: () => this.#mapReopened(),
    })
    this.#poll = new MapPoll({ client, head, map, log, live: () => this.#sync.live })
    transport.links.keepWhen(({ peer }) => this.keeps(peer.peerId))
    member.pathWatch.probeAtRest((link, active) => this.#restProbeMs(link, active))
    init.lan?.dialWhen(peerId => this.keeps(peerId))
    this.#rings = new Rings({
      meshId: head.current.keys.meshId,
      self: identity.peerId,
      rings: pathDefaults.watchedWithoutRelay,
      small: pathDefaults.smallMesh,
    })
    this.#detection = new FailureDetection({
      member,
      agents: this.#rings.order,
      ownRelays: () => this.relays.homeRelays(),
      isHomed: () => this.linkedRelays().length > 0,
      linkTo: (peerId, signal) => targets.link(peerId, { signal, upkeep: true }),
    })
    member.verdicts.onChange(() => this.#watch.updateLater())
    this.#watch = new WatchLinks({
      redialMs: () => (head.current.relays.length > 0 ? pathDefaults.watchRedialMs : 0),
      targets: () => this.#watchTargets(),
      linkTo: (peerId, signal) => targets.link(peerId, { signal, upkeep: true }),
      ping: link => this.#ping(link),
      isDue: (link, restMs) => this.#isPingDue(link, restMs),
      log,
    })
    this.#rescues = new Rescues({
      links: transport.links,
      linkTo: (peerId, signal) => targets.link(peerId, { signal }),
      log,
    })
    this.#moves = new CircuitMoves({
      self: identity.peerId,
      links: transport.links,
      linkTo: (peerId, signal) => targets.lastingLink(peerId, signal),
      log,
    })
  }

  /**
   * How soon a silent link is probed though nothing waits on it, ms: the relays that others find this agent through, and
   * where there are none the agents it watches; undefined for all others.
   */
  #restProbeMs(link: Link, active: boolean): number | undefined {
    const { peerId } = link.peer
    const relays = this.linkedRelays()
    const place = relays.indexOf(peerId)
    if (place >= 0 && !active && this.#member.serving.sessions.isMetered(link))
      return place === 0 ? pathDefaults.meteredHomeMs : pathDefaults.meteredStandbyMs
    // Failure detection asks those that take part.
    if (place < 0 && this.#detection.takesPart(peerId)) return undefined
    if (place < 0) return relays.length === 0 && this.keeps(peerId) ? pathDefaults.peerProbeMs : undefined
    if (active) return pathDefaults.pathProbeMs
    return place === 0 ? pathDefaults.relayProbeMs : pathDefaults.standbyProbeMs
  }

  /** Of two that watch each other one ping is enough: it shows to both that the other is alive. */
  #isPingDue(link: Link, restMs: number): boolean {
    const { sessions } = this.#member.serving
    const silentMs = performance.now() - sessions.of(link).stats.lastProgressAt
    return silentMs > (sessions.isMetered(link) ? pathDefaults.meteredPingMs : restMs / 2)
  }

  /** The relays that this agent is reached through at this moment, home first. */
  linkedRelays(): string[] {
    const { links } = this.#member.transport
    return this.relays.homeRelays().filter(peerId => links.best(peerId) !== undefined)
  }

  /** Whether some relay keeps the map current. */
  get followsMap(): boolean {
    return this.#sync.live
  }

  /** Where the home relay accepts the health of this agent; relays of earlier versions do not. */
  healthStream(): ReturnType<MapSync['healthStream']> {
    const { relay } = this.#home
    return relay === undefined ? undefined : this.#sync.healthStream(relay)
  }

  /** Whether the link to this peer is kept when idle. */
  keeps(peerId: string): boolean {
    return this.#watch.watches(peerId)
  }

  /**
   * Resolves when the agent knows members: at once from its disk, else when the control plane was asked.
   * @returns when that answered, or did not
   */
  async start(signal?: AbortSignal): Promise<{ asked: Promise<void> }> {
    const { head, map, transport, revocations } = this.#member
    // Once revoked it dials no member: only the control plane is asked, rarely.
    const offerRelays = () =>
      this.relays.update(revocations.own ? [] : head.current.relays.filter(this.#usesRelay))
    this.relays.onChange(homeRelays => this.#moveHome(homeRelays))
    transport.links.onUp(link => {
      if (this.relays.homeRelays().includes(link.peer.peerId)) this.#sync.follow(link)
    })
    this.#rescues.start()
    this.#moves.start()
    this.#member.network.onChange(() => {
      this.#member.roundTrips.forget()
      this.relays.networkChanged()
      this.#lan?.networkChanged()
    })
    this.#member.clockWatch.onSet(() => {
      this.relays.clockSet()
      this.#watch.retryNow()
      this.#poll.now()
    })
    head.onChange(() => {
      offerRelays()
      this.#targets.refresh()
    })
    map.onChange(changes => this.#follow(changes.map(({ peerId }) => peerId)))
    map.onForget(peerIds => this.#follow(peerIds))
    revocations.onOwn(() => this.#watch.update())
    offerRelays()
    const polled = this.#poll.start()
    this.#lan?.start()
    this.#moveRings(map.members().map(({ peerId }) => peerId))
    // Once the membership ended the poll waits for its turn, an hour long.
    const asked = Promise.race([polled, revocations.ended()])
    if (map.size === 0) await unlessAborted(asked, signal)
    return { asked }
  }

  /** Says farewell to all members. Opens links for calls only; the relays stay, as calls may run over them. Idempotent. */
  depart(): Promise<unknown> {
    const parts = () => [this.#detection.leave(), this.#lan?.stop(), this.#rescues.stop(), this.#watch.stop()]
    return (this.#departed ??= Promise.all(parts()))
  }

  /** Parts that open links stop before the transport. */
  async stop(): Promise<void> {
    await Promise.all([
      this.depart(),
      this.#detection.stop(),
      this.#moves.stop(),
      this.#poll.stop(),
      this.relays.stop(),
    ])
    await this.#sync.stop()
  }

  async #ping(link: Parameters<WatchPing>[0]): Promise<number> {
    return this.#member.serving.sessions.of(link).ping()
  }

  async #measureRelay(link: Link): Promise<number> {
    const ms = await this.#member.roundTrips.measure(link.peer.peerId, () => this.#ping(link))
    this.#homeTrips.measured()
    return ms
  }

  #publish(fields: Parameters<Member['publisher']['update']>[0]): void {
    const { publisher, log } = this.#member
    publisher
      .update(fields)
      .catch((err: unknown) =>
        log.error({ event: 'homes-not-published', err }, 'home relays not published in the member record'),
      )
  }

  #mapReopened(): void {
    const { recovery } = this.#member.health
    recovery.acted('map-reopened', 'opened the map stream to a relay anew: it was silent')
  }

  #moveHome(homeRelays: readonly string[]): void {
    const { transport, roundTrips, log } = this.#member
    const [home] = homeRelays
    const moved = this.#home.moveTo(home)
    this.#publish({ homeRelays: [...homeRelays], homeRttMs: this.#homeTrips.moveTo(homeRelays) })
    this.#sync.followOnly(homeRelays)
    this.#detection.settle()
    for (const relay of homeRelays) {
      const link = transport.links.best(relay)
      if (link === undefined) continue
      this.#sync.follow(link)
      if (roundTrips.toRelay(relay) === undefined) this.#measureRelay(link).catch(() => undefined)
    }
    if (moved && home !== undefined)
      this.#sync
        .announceHome(home)
        .catch((err: unknown) =>
          log.error({ event: 'home-not-claimed', err }, 'home relay not informed that it is the home'),
        )
  }

  #watchTargets(): string[] {
    const { head, revocations } = this.#member
    if (revocations.own) return []
    const { watched, watchedWithoutRelay } = pathDefaults
    this.#detection.settle()
    const isDead = (peerId: string) => this.#detection.isDead(peerId)
    return this.#rings.watched(head.current.relays.length > 0 ? watched : watchedWithoutRelay, isDead)
  }

  /** These changed in the map, or left it. */
  #follow(peerIds: readonly string[]): void {
    this.#moveRings(peerIds)
    this.#targets.refresh(new Set(peerIds))
  }

  /** These joined, left or changed. Where relays report who is online, watch links may change late. */
  #moveRings(peerIds: readonly string[]): void {
    for (const peerId of peerIds)
      if (this.#isAgent(peerId)) this.#join(peerId)
      else this.#rings.remove(peerId)
    if (this.#member.head.current.relays.length > 0) this.#watch.updateLater()
    else this.#watch.update()
  }

  #join(peerId: string): void {
    if (this.#rings.order.has(peerId)) return
    this.#rings.add(peerId)
    this.#detection.joined(peerId)
  }

  #isAgent(peerId: string): boolean {
    return this.#member.map.get(peerId)?.credential.roles.includes('agent') ?? false
  }
}

type WatchPing = ConstructorParameters<typeof WatchLinks>[0]['ping']

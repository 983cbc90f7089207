/** Failure detection of a member, agent or relay: {@link SwimDriver} wired to its map, links, record and metrics. */
import { signFarewell } from '@agent-mesh/protocol/farewell'
import type { MapChange } from '@agent-mesh/protocol'
import { HeardScope } from '../membership/heard-scope.ts'
import { RingOrder } from '../membership/ring-order.ts'
import { SwimDriver, type SwimClock } from '../membership/swim-driver.ts'
import { proofOf } from '../membership/swim-proof.ts'
import { Ledger, relayRings, RingScope, swimPresets } from '../membership/swim/index.ts'
import { observeDetection } from '../observe/detection-metrics.ts'
import { pathDefaults } from '../paths/defaults.ts'
import { systemWheelClock } from '../rpc/index.ts'
import type { Link } from '../transport/links/link.ts'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { endedAs } from './membership-end.ts'
import type { Member } from './member-parts.ts'

export interface FailureDetectionInit {
  member: Omit<Member, 'start' | 'stop'>
  /** Agents on their rings, kept current by the caller; the own peer id too, if it is one. @default it follows the map itself */
  agents?: RingOrder
  /** Home and standby relay of this agent; of a relay none. */
  ownRelays: () => readonly string[]
  /** Whether a relay that this member can reach lives; of a relay true. */
  isHomed: () => boolean
  /** Of a relay: the agents that have a link to it. @default none */
  homed?: () => Iterable<string>
  /** Opens a link. @throws MeshError */
  linkTo: (peerId: string, signal: AbortSignal) => Promise<Link>
}

const systemSwimClock: SwimClock = {
  now: () => systemWheelClock.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, timerDelay(ms)).unref()
    return () => clearTimeout(timer)
  },
  random: Math.random,
}

/** A dial that takes longer says as much as one that fails, ms. */
const dialMs = 5_000

export class FailureDetection {
  readonly #member: FailureDetectionInit['member']
  readonly #init: FailureDetectionInit
  readonly #relays: RingOrder
  readonly #agents: RingOrder
  readonly #scope: HeardScope
  readonly #driver: SwimDriver
  readonly #dials = new Map<string, Promise<void>>()
  /** It dials no member any more: it stops, or was revoked. */
  readonly #ended = new AbortController()

  constructor(init: FailureDetectionInit) {
    this.#init = init
    const { member } = init
    this.#member = member
    const { identity, transport, serving, pathWatch, head, map, clock, publisher, log, verdicts, preset } =
      member
    const self = identity.peerId
    const { sessions } = serving
    this.#relays = new RingOrder(head.current.keys.meshId, relayRings)
    this.#followRelays()
    const rings = pathDefaults.watchedWithoutRelay
    const agents = (this.#agents = init.agents ?? new RingOrder(head.current.keys.meshId, rings))
    this.#scope = new HeardScope({
      isDeaf: peerId => this.#driver.links.isDeaf(peerId),
      scope: new RingScope({
        ...{ self, agents, relays: this.#relays },
        ...{ rings: pathDefaults.watched, ringsAlone: rings },
        small: pathDefaults.smallMesh,
        relaysOf: peerId => this.#relaysOf(peerId),
        homed: init.homed ?? (() => []),
      }),
    })
    const isKnown = (peerId: string) => map.get(peerId) !== undefined || this.#relays.has(peerId)
    this.#driver = new SwimDriver({
      ...{ self, settings: swimPresets[preset], scope: this.#scope, ledger: this.#ledger() },
      ...{ clock: systemSwimClock, isKnown, verdicts, log, isHomed: init.isHomed },
      keys: () => head.current.keys,
      isEnded: (peerId, serial) => endedAs(head.current.revocations, { peerId, serial }) !== undefined,
      learn: learned => map.meet(learned),
      unixMs: () => clock.now(),
      proofOf: (peerId, incarnation) => this.#proofOf(peerId, incarnation),
      raise: above =>
        void publisher
          .raise(above)
          .catch((err: unknown) =>
            log.error({ event: 'record-not-signed-anew', err }, 'own record not signed anew'),
          ),
      observed: observeDetection(member.metrics.registry, () => this.#driver.health),
      links: {
        links: transport.links,
        rpcOf: link => sessions.of(link),
        ping: link => pathWatch.answer(link),
        onFeatures: listener => sessions.onFeatures(listener),
        dial: peerId => this.#dial(peerId),
      },
    })
    void member.revocations.ended().then(() => this.#ended.abort())
    sessions.takeSwim((link, bytes) => this.#driver.read(link, bytes))
    publisher.onSigned(({ incarnation }) => this.#driver.signed(incarnation, !init.isHomed()))
    map.onChange(changes => this.#follow(changes))
    map.onForget(peerIds => {
      for (const peerId of peerIds) this.#forget(peerId)
    })
    head.onChange(() => {
      this.#followRelays()
      this.#driver.changed()
    })
  }

  /** Whether a member was judged dead, or left. */
  isDead(peerId: string): boolean {
    return this.#driver.isDead(peerId)
  }

  /** Whether it takes part: else the silence of its links alone counts. */
  takesPart(peerId: string): boolean {
    return this.#driver.links.takesPart(peerId)
  }

  /** An agent joined the rings: it is watched from the next {@link settle} on. */
  joined(peerId: string): void {
    this.#scope.joined(peerId)
  }

  /** The rings, or the homes, changed. */
  settle(): void {
    this.#scope.settle()
    this.#driver.changed()
  }

  /** Says farewell to all, so that none has to find out; links that retire wait for it. Never rejects. */
  leave(): Promise<void> {
    if (this.#member.publisher.jws === undefined) return Promise.resolve()
    const said = this.#farewell()
    this.#member.serving.sessions.depart(said)
    return said
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    this.#driver.stop()
    await Promise.all(this.#dials.values())
  }

  async #farewell(): Promise<void> {
    const { publisher, identity, log } = this.#member
    try {
      // The last record that it signs: any later one would say that it lives.
      await publisher.emptied()
      const { incarnation } = publisher.record
      this.#driver.leave(await signFarewell(identity.signer, { incarnation }))
    } catch (err) {
      log.debug({ event: 'farewell-not-sent', err }, 'no farewell said')
    }
  }

  /** What the map says at the start: of members that are dead others tell. */
  #ledger(): Ledger {
    const ledger = new Ledger()
    for (const { peerId, record } of this.#member.map.members()) {
      ledger.merge(peerId, { incarnation: record.incarnation, state: 'alive' })
      this.#place(peerId)
    }
    return ledger
  }

  #follow(changes: readonly MapChange[]): void {
    const { map, identity } = this.#member
    for (const { peerId } of changes) {
      if (peerId === identity.peerId) continue
      const known = map.get(peerId)
      if (known === undefined) {
        this.#forget(peerId)
        continue
      }
      this.#place(peerId)
      this.#driver.recorded(peerId, known.record.incarnation)
    }
  }

  /** Off the rings first, though their owner would do it, too: it would be watched, and judged, as one that is new. */
  #forget(peerId: string): void {
    if (peerId === this.#member.identity.peerId) return
    this.#agents.remove(peerId)
    this.#driver.forget(peerId)
  }

  #place(peerId: string): void {
    if (this.#init.agents !== undefined) return
    const isAgent = this.#member.map.get(peerId)?.credential.roles.includes('agent') ?? false
    if (isAgent) this.#agents.add(peerId)
    else this.#agents.remove(peerId)
  }

  #followRelays(): void {
    const listed = new Set(this.#member.head.current.relays.map(({ peerId }) => peerId))
    for (const peerId of [...this.#relays.peers()]) if (!listed.has(peerId)) this.#relays.remove(peerId)
    for (const peerId of listed) this.#relays.add(peerId)
  }

  #relaysOf(peerId: string): readonly string[] {
    const { map, identity } = this.#member
    if (peerId === identity.peerId) return this.#init.ownRelays()
    return (map.get(peerId)?.record.homeRelays ?? []).filter(relay => this.#relays.has(relay))
  }

  #proofOf(peerId: string, incarnation: number): string | undefined {
    const { map, store, identity, publisher, credential } = this.#member
    if (peerId === identity.peerId) {
      const { jws } = publisher
      const isThis = jws !== undefined && publisher.record.incarnation === incarnation
      return isThis ? proofOf({ record: jws, credential: credential.jwt }) : undefined
    }
    if (map.get(peerId)?.record.incarnation !== incarnation) return undefined
    const pair = store.pair(peerId)
    return pair === undefined ? undefined : proofOf(pair)
  }

  #dial(peerId: string): void {
    if (this.#dials.has(peerId) || this.#ended.signal.aborted) return
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(dialMs)])
    const dial = this.#init
      .linkTo(peerId, signal)
      .then(
        () => undefined,
        (err: unknown) =>
          this.#member.log.debug(
            { event: 'watched-member-unreachable', peerId, err },
            'watched member not reached',
          ),
      )
      .finally(() => this.#dials.delete(peerId))
    this.#dials.set(peerId, dial)
  }
}

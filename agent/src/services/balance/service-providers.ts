/** The providers of one service, and what they decide together: which one a call asks, and which ones are ejected. */
import type { MeshError } from '@agent-mesh/protocol'
import { Breaker, type BreakerChange, type BreakerReason, type BreakerState } from './breaker.ts'
import { candidatesOf, type Candidate } from './candidates.ts'
import { choosePeer, type TriedPeers } from './choose.ts'
import { balanceDefaults } from './defaults.ts'
import type { Providers } from './directory.ts'
import { PlacedPicker, type KnownProviders, type Wish } from './placed-picker.ts'
import type { BalancePolicy } from './policies.ts'
import { Provider, type MemberLoad, type ServiceOfProvider } from './provider.ts'
import { RegionOutage } from './region-outage.ts'
import type { ResilienceSettings } from './resilience.ts'
import { Subset } from './subset.ts'
import { TypicalLatency } from './typical-latency.ts'

export interface ServiceProvidersInit {
  readonly policy: BalancePolicy
  readonly resilience: ResilienceSettings
  /** Calls in flight of each member, whatever the service. */
  readonly loads: Map<string, MemberLoad>
  /** ms of the round trip to a member that has not answered yet. @default unknown */
  readonly estimatedRttMs?: ((peerId: string) => number | undefined) | undefined
  /** [0, 1). */
  readonly random: () => number
  /** A breaker changed. Must not throw. */
  readonly onBreaker: (change: Omit<BreakerChange, 'service'>) => void
}

const noProviders: Providers = { good: [], doubtful: [], offline: [] }

export class ServiceProviders implements ServiceOfProvider, KnownProviders {
  readonly #init: ServiceProvidersInit
  readonly #byPeer = new Map<string, Provider>()
  /** Those whose breaker is not closed, the longest ejected first. */
  readonly #ejected = new Set<Provider>()
  readonly #region = new RegionOutage()
  readonly subset: Subset
  readonly typical = new TypicalLatency()
  /** Those of the own region; undefined: nothing is known of places. */
  #near: ReadonlySet<string> | undefined
  #lists = noProviders
  #turn = 0
  #prunedAt = 0

  constructor(init: ServiceProvidersInit) {
    this.#init = init
    this.subset = new Subset(init.random)
  }

  /** Known of one member. */
  provider(peerId: string): Provider {
    const known = this.#byPeer.get(peerId)
    if (known !== undefined) return known
    const { loads, resilience, estimatedRttMs } = this.#init
    let load = loads.get(peerId)
    if (load === undefined) loads.set(peerId, (load = { peerId, inFlight: 0, providers: 0 }))
    load.providers++
    const breaker = resilience.breaker === false ? undefined : new Breaker(resilience.breaker)
    const provider = new Provider(load, breaker, this, () => estimatedRttMs?.(peerId))
    this.#byPeer.set(peerId, provider)
    return provider
  }

  /** Which one a call asks next; undefined: there is none. A probe that is due goes first. */
  choose(providers: Providers, wish: Wish, tries: TriedPeers, now: number): Provider | undefined {
    if (providers.named === true) return this.provider(providers.good[0]!)
    if (providers !== this.#lists) this.#update(providers, now)
    this.subset.choosing(now)
    const avoidsRegion = this.#avoidsRegion(providers, now)
    const probed = wish.key === undefined ? this.#dueProbe(tries, now) : undefined
    if (probed !== undefined && !(avoidsRegion && this.#isNear(probed))) return probed
    const only = this.#onlyOne(providers, tries)
    if (only !== undefined && !this.isBarred(only, now)) return only
    const peerId = choosePeer(
      providers,
      tries,
      new PlacedPicker(this, providers, { wish, avoidsRegion }, now),
    )
    return peerId === undefined ? undefined : this.provider(peerId)
  }

  /** Where one is believed to answer and nothing was tried, policy, key and place have nothing to choose. */
  #onlyOne({ good }: Providers, { last }: TriedPeers): Provider | undefined {
    return good.length === 1 && last === undefined ? this.provider(good[0]!) : undefined
  }

  #isNear({ peerId }: Provider): boolean {
    return this.#near?.has(peerId) ?? false
  }

  /** Whether this call passes over the own region, as that has an outage, or had one and gets its calls step by step. */
  #avoidsRegion({ good, near }: Providers, now: number): boolean {
    if (near === undefined) return false
    let available = false
    for (let i = 0; i < near.region && !available; i++)
      available = !this.isBarred(this.provider(good[i]!), now)
    this.#region.note(available, now)
    const share = this.#region.share(now)
    return share < 1 && this.random() >= share
  }

  get policy(): BalancePolicy {
    return this.#init.policy
  }

  readonly random = (): number => this.#init.random()
  readonly turn = (): number => this.#turn++

  /** Ejected, leaving or full. */
  isBarred(provider: Provider, now: number): boolean {
    return provider.isEjected(now) || provider.isLeaving(now) || this.isFull(provider)
  }

  /** Whether as many own calls are in flight at its member as one may have. */
  isFull({ load }: Provider): boolean {
    const { perCallee } = this.#init.resilience
    return perCallee !== false && load.inFlight >= perCallee
  }

  /** A stream that a member had begun at `startedAt` broke. */
  broke(peerId: string, error: MeshError, startedAt: number, now: number): void {
    // One that is forgotten meanwhile must not be ejected: it would be probed.
    this.#byPeer.get(peerId)?.broke(error, startedAt, now)
  }

  answered(provider: Provider): void {
    if (this.#near !== undefined) this.#region.ended(this.#isNear(provider), true)
  }

  failed(provider: Provider, startedAt: number, now: number): void {
    if (this.#near !== undefined) this.#region.ended(this.#isNear(provider), false)
    const { random } = this.#init
    const before = provider.breaker?.state
    const reason = provider.breaker?.failed(startedAt, now, random)
    if (before !== provider.breaker?.state) this.#tell(provider)
    if (reason === undefined || this.#ejected.size >= this.#mostEjected()) return
    provider.breaker?.open(now, random)
    this.#ejected.add(provider)
    this.#tell(provider, reason)
  }

  recovered(provider: Provider): void {
    this.#ejected.delete(provider)
    this.#tell(provider)
  }

  probed(provider: Provider): void {
    this.#tell(provider)
  }

  #tell({ peerId, breaker }: Provider, reason?: BreakerReason): void {
    if (breaker !== undefined) this.#init.onBreaker({ peerId, state: breaker.state, reason })
  }

  /** What is known of each when `chosen` is the next. */
  candidates(lists: Providers, chosen: Provider, tries: TriedPeers, now: number): Candidate[] {
    return candidatesOf(this, lists, tries, { chosen, now })
  }

  /** Breakers that are not closed. */
  *ejected(): Generator<BreakerState> {
    for (const { breaker } of this.#ejected) if (breaker !== undefined) yield breaker.state
  }

  /** Forgets all. */
  clear(): void {
    for (const provider of this.#byPeer.values()) this.#drop(provider)
  }

  /** Never the last one, and so many that the others can carry the calls. */
  #mostEjected(): number {
    const { breaker } = this.#init.resilience
    const size = this.#lists.good.length + this.#lists.doubtful.length
    return breaker === false ? 0 : Math.min(Math.floor(size * breaker.maxEjected), size - 1)
  }

  #dueProbe(tries: TriedPeers, now: number): Provider | undefined {
    if (this.#ejected.size === 0) return undefined
    const { tried } = tries
    for (const provider of this.#ejected)
      if (!provider.isEjected(now) && !this.isBarred(provider, now) && !tried.has(provider.peerId))
        return provider
    return undefined
  }

  /** The lists have changed, or were sorted again. */
  #update(lists: Providers, now: number): void {
    const before = this.#lists
    this.#lists = lists
    this.#near = lists.near && new Set(lists.good.slice(0, lists.near.region))
    if (this.#ejected.size > 0) this.#reviewEjected(before, now)
    const few = this.#byPeer.size <= balanceDefaults.manyProviders
    if (few || now - this.#prunedAt >= balanceDefaults.pruneMs) this.#prune(now)
  }

  /** One that is believed offline is no longer ejected: belief speaks for it. One that came back is asked at once. */
  #reviewEjected(before: Providers, now: number): void {
    const wasGood = new Set(before.good)
    const good = new Set(this.#lists.good)
    const doubtful = new Set(this.#lists.doubtful)
    for (const provider of this.#ejected) {
      const { peerId } = provider
      if (good.has(peerId) && !wasGood.has(peerId)) provider.returned(now)
      if (!good.has(peerId) && !doubtful.has(peerId)) this.#readmit(provider)
    }
    for (const provider of this.#ejected) {
      if (this.#ejected.size <= this.#mostEjected()) return
      this.#readmit(provider)
    }
  }

  #readmit(provider: Provider): void {
    this.#ejected.delete(provider)
    provider.breaker?.close()
    this.#tell(provider)
  }

  #prune(now: number): void {
    this.#prunedAt = now
    const { good, doubtful, offline } = this.#lists
    const listed = new Set([...good, ...doubtful, ...offline])
    for (const provider of this.#byPeer.values())
      if (provider.inFlight === 0 && !listed.has(provider.peerId)) this.#drop(provider)
  }

  #drop(provider: Provider): void {
    const { load, peerId } = provider
    this.#byPeer.delete(peerId)
    this.#ejected.delete(provider)
    if (--load.providers === 0) this.#init.loads.delete(peerId)
  }
}

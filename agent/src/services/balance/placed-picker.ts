/** Chooses among providers of equal standing: by the key of the call, else by the policy, the near ones first. */
import type { Picker } from './choose.ts'
import { balanceDefaults } from './defaults.ts'
import type { Providers } from './directory.ts'
import { chooseBy, keeperOf, type BalancePolicy, type Candidates, type PolicyContext } from './policies.ts'
import type { Provider } from './provider.ts'

/** How far a provider may be: those of the own zone first, then those of the own region; those of the region first; no matter. */
export type Near = 'zone' | 'region' | 'any'

/** What a call wants of the choice. */
export interface Wish {
  /** Calls of one key go to one provider. */
  readonly key?: string | undefined
  /** @default 'zone', and 'any' with a key: callers everywhere agree on one provider then */
  readonly near?: Near | undefined
}

/** What is known of the providers of a service. */
export interface KnownProviders {
  readonly policy: BalancePolicy
  readonly random: PolicyContext['random']
  readonly turn: PolicyContext['turn']
  readonly subset: PolicyContext['subset']
  provider(peerId: string): Provider
  /** Ejected, leaving or full. */
  isBarred(provider: Provider, now: number): boolean
}

export class PlacedPicker implements Picker {
  readonly #service: KnownProviders
  readonly #providers: Providers
  readonly #wish: Wish
  readonly #avoidsRegion: boolean
  readonly #now: number

  /** @param call `avoidsRegion`: those farther away are asked first */
  constructor(
    service: KnownProviders,
    providers: Providers,
    { wish, avoidsRegion }: { wish: Wish; avoidsRegion: boolean },
    now: number,
  ) {
    this.#service = service
    this.#providers = providers
    this.#wish = wish
    this.#avoidsRegion = avoidsRegion
    this.#now = now
  }

  isBarred(peerId: string): boolean {
    return this.#service.isBarred(this.#service.provider(peerId), this.#now)
  }

  /** Those farther away are asked when the near ones have no room, and then only if they cost much less. */
  pick(list: readonly string[], fits: (peerId: string) => boolean): string | undefined {
    const { near } = this.#providers
    if (list.length === 0) return undefined
    if (near === undefined || list !== this.#providers.good) return this.#among(list, 0, list.length, fits)
    if (this.#avoidsRegion && this.#near() !== 'any') {
      const far = this.#among(list, near.region, list.length, fits)
      if (far !== undefined) return far
    }
    let chosen: Provider | undefined
    let from = 0
    for (const to of this.#tiers(near, list.length)) {
      const peerId = to > from ? this.#among(list, from, to, fits) : undefined
      from = Math.max(from, to)
      if (peerId === undefined) continue
      const provider = this.#service.provider(peerId)
      if (chosen === undefined || this.#isWorthTheWay(provider, chosen)) chosen = provider
      if (chosen.hasRoom(this.#now)) break
    }
    return chosen?.peerId
  }

  #near(): Near {
    return this.#wish.near ?? (this.#wish.key === undefined ? 'zone' : 'any')
  }

  /** Where each tier of the list ends. */
  #tiers({ zone, region }: NonNullable<Providers['near']>, size: number): number[] {
    const near = this.#near()
    if (near === 'any') return [size]
    return near === 'zone' ? [zone, region, size] : [region, size]
  }

  #isWorthTheWay(far: Provider, near: Provider): boolean {
    const { farMs, spillFactor } = balanceDefaults
    const cost = Math.max(far.cost(this.#now), farMs * (far.inFlight + 1))
    return near.cost(this.#now) > spillFactor * cost
  }

  #among(
    list: readonly string[],
    from: number,
    to: number,
    fits: (peerId: string) => boolean,
  ): string | undefined {
    const service = this.#service
    const candidates: Candidates = { list, from, to, fits, provider: peerId => service.provider(peerId) }
    if (this.#wish.key !== undefined) return keeperOf(candidates, this.#wish.key)
    const { random, turn, subset } = service
    return chooseBy[service.policy](candidates, { now: this.#now, random, turn, subset })
  }
}

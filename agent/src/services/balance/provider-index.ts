/**
 * The providers of each service, sorted by the belief about them: computed again when the map or a belief has changed, not for each call.
 */
import type { Belief } from '../../membership/belief.ts'
import type { MeshMap } from '../../membership/mesh-map.ts'
import type { ServiceRegistry } from '../index.ts'
import { balanceDefaults } from './defaults.ts'
import type { Providers } from './directory.ts'
import { Flaps, type FlapsInit } from './flaps.ts'

/** Where a member is, as far as its record says. */
export interface Place {
  readonly region?: string | undefined
  readonly zone?: string | undefined
}

export interface ProviderIndexInit {
  /** Own peer id. */
  self: string
  registry: Pick<ServiceRegistry, 'serves'>
  map: Pick<MeshMap, 'onChange' | 'onForget'> & { providers(service: string): readonly PlacedMember[] }
  belief: Pick<Belief, 'standing' | 'onChange'>
  /** Where this member is. @default unknown: no member is near */
  place?: () => Place
  /** Monotonic milliseconds. */
  now: () => number
  /** A provider that goes offline again and again is left out for so long, ms. @default not reported */
  onFlapping?: FlapsInit['onOut']
}

interface Entry {
  providers: Providers
  size: number
  own: boolean
  version: number
  at: number
}

/** What is looked at of a member of the map. */
export interface PlacedMember {
  readonly peerId: string
  readonly credential: Pick<Place, 'region'>
  readonly record: Place
}

export class ProviderIndex {
  readonly #self: string
  readonly #registry: ProviderIndexInit['registry']
  readonly #map: ProviderIndexInit['map']
  readonly #belief: ProviderIndexInit['belief']
  readonly #place: () => Place
  readonly #now: () => number
  readonly #flaps: Flaps
  readonly #entries = new Map<string, Entry>()
  #version = 0

  constructor(init: ProviderIndexInit) {
    const { self, registry, map, belief, place = () => ({}), now, onFlapping = () => undefined } = init
    this.#self = self
    this.#registry = registry
    this.#map = map
    this.#belief = belief
    this.#place = place
    this.#now = now
    this.#flaps = new Flaps({ onOut: onFlapping })
    const changed = () => void this.#version++
    map.onChange(changed)
    map.onForget(changed)
    belief.onChange(changed)
  }

  /** @param now monotonic ms, where the caller has read the clock */
  of(service: string, now = this.#now()): Providers {
    const known = this.#entries.get(service)
    if (known !== undefined && this.#isFresh(known, service, now)) return known.providers
    const entry = this.#sort(service, now)
    if (entry.size > 0) this.#entries.set(service, entry)
    return entry.size > 0 || known === undefined ? entry.providers : this.#none(service, now - known.at)
  }

  /** Names come from outside: those without a provider are forgotten after a while. */
  #none(service: string, age: number): Providers {
    const lately = age < balanceDefaults.latelyMs
    if (!lately) this.#entries.delete(service)
    return { good: [], doubtful: [], offline: [], lately }
  }

  #isFresh({ size, own, version, at }: Entry, service: string, now: number): boolean {
    const age = now - at
    if (own !== this.#registry.serves(service) || age >= balanceDefaults.providersMs) return false
    if (version === this.#version) return true
    return size > balanceDefaults.manyProviders && age < balanceDefaults.manyProvidersMs
  }

  #sort(service: string, now: number): Entry {
    const own = this.#registry.serves(service)
    const sorted = { good: [] as PlacedMember[], doubtful: [] as string[], offline: [] as string[] }
    // The own record may not be in the map yet, or no more.
    for (const member of this.#map.providers(service)) {
      const { peerId } = member
      if (peerId === this.#self) continue
      const standing = this.#belief.standing(peerId)
      const flaps = this.#flaps.note(peerId, standing !== 'offline', now)
      if (flaps && standing === 'good') sorted.doubtful.push(peerId)
      else if (standing === 'good') sorted.good.push(member)
      else sorted[standing].push(peerId)
    }
    const { doubtful, offline } = sorted
    const placed = this.#placed(sorted.good, own)
    const size = placed.good.length + doubtful.length + offline.length
    return { providers: { ...placed, doubtful, offline }, size, own, version: this.#version, at: now }
  }

  /** The near ones first; the member itself is the nearest. */
  #placed(members: readonly PlacedMember[], own: boolean): Pick<Providers, 'good' | 'near'> {
    const { region, zone } = this.#place()
    const tiers: [string[], string[], string[]] = [own ? [this.#self] : [], [], []]
    for (const { peerId, credential, record } of members) {
      const isNear = region !== undefined && (credential.region ?? record.region) === region
      const isNext = isNear && zone !== undefined && record.zone === zone
      tiers[isNext ? 0 : isNear ? 1 : 2].push(peerId)
    }
    const good = tiers.flat()
    if (region === undefined) return { good }
    return { good, near: { zone: tiers[0].length, region: tiers[0].length + tiers[1].length } }
  }
}

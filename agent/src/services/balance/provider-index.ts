/**
 * Who serves what, sorted by what is believed of each: worked out again when the map or a belief has changed, not for each call.
 */
import type { Belief } from '../../membership/belief.ts'
import type { MeshMap } from '../../membership/mesh-map.ts'
import type { Providers, ServiceRegistry } from '../index.ts'
import { balanceDefaults } from './defaults.ts'

export interface ProviderIndexInit {
  /** Own peer id. */
  self: string
  registry: Pick<ServiceRegistry, 'serves'>
  map: Pick<MeshMap, 'providers' | 'onChange' | 'onForget'>
  belief: Pick<Belief, 'standing' | 'onChange'>
  /** Monotonic milliseconds. */
  now: () => number
}

interface Entry {
  providers: Providers
  size: number
  own: boolean
  version: number
  at: number
}

export class ProviderIndex {
  readonly #init: ProviderIndexInit
  readonly #entries = new Map<string, Entry>()
  #version = 0

  constructor(init: ProviderIndexInit) {
    this.#init = init
    const changed = () => void this.#version++
    init.map.onChange(changed)
    init.map.onForget(changed)
    init.belief.onChange(changed)
  }

  of(service: string): Providers {
    const known = this.#entries.get(service)
    if (known !== undefined && this.#isFresh(known, service)) return known.providers
    const entry = this.#sort(service)
    if (entry.size > 0) this.#entries.set(service, entry)
    return entry.size > 0 || known === undefined ? entry.providers : this.#none(service, known)
  }

  /** Names come from outside: those that nobody serves any more are forgotten after a while. */
  #none(service: string, { at }: Entry): Providers {
    const lately = this.#init.now() - at < balanceDefaults.latelyMs
    if (!lately) this.#entries.delete(service)
    return { good: [], doubtful: [], offline: [], lately }
  }

  #isFresh({ size, own, version, at }: Entry, service: string): boolean {
    const { registry, now } = this.#init
    const age = now() - at
    if (own !== registry.serves(service) || age >= balanceDefaults.providersMs) return false
    if (version === this.#version) return true
    return size > balanceDefaults.manyProviders && age < balanceDefaults.manyProvidersMs
  }

  #sort(service: string): Entry {
    const { self, registry, map, belief, now } = this.#init
    const own = registry.serves(service)
    const sorted = { good: own ? [self] : [], doubtful: [] as string[], offline: [] as string[] }
    // The own record may not be in the map yet, or no more.
    for (const { peerId } of map.providers(service))
      if (peerId !== self) sorted[belief.standing(peerId)].push(peerId)
    const size = sorted.good.length + sorted.doubtful.length + sorted.offline.length
    return { providers: sorted, size, own, version: this.#version, at: now() }
  }
}

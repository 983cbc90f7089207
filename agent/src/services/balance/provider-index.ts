/**
 * Who serves what, sorted by what is believed of each: worked out again when map, links or leases have changed, not for each
 * call.
 */
import type { Belief } from '../../membership/belief.ts'
import type { MeshMap } from '../../membership/mesh-map.ts'
import type { Presence } from '../../membership/presence.ts'
import type { Providers, ServiceRegistry } from '../index.ts'
import type { LinkTable } from '../../transport/links/link-table.ts'
import { balanceDefaults } from './defaults.ts'
import type { Doubts } from '../../membership/doubts.ts'

export interface ProviderIndexInit {
  /** Own peer id. */
  self: string
  registry: Pick<ServiceRegistry, 'serves'>
  map: Pick<MeshMap, 'providers' | 'onChange'>
  links: Pick<LinkTable, 'of' | 'best' | 'onUp' | 'onDown' | 'onDoubt' | 'onLeaving'>
  presence: Pick<Presence, 'version' | 'reporting'>
  belief: Pick<Belief, 'isOnline'>
  doubts: Pick<Doubts, 'has'>
  /** Monotonic milliseconds. */
  now: () => number
}

interface Entry {
  providers: Providers
  size: number
  own: boolean
  version: number
  leases: number
  at: number
}

export class ProviderIndex {
  readonly #init: ProviderIndexInit
  readonly #entries = new Map<string, Entry>()
  #version = 0

  constructor(init: ProviderIndexInit) {
    this.#init = init
    const changed = () => this.changed()
    init.map.onChange(changed)
    for (const on of ['onUp', 'onDown', 'onDoubt', 'onLeaving'] as const) init.links[on](changed)
  }

  /** What is believed of somebody has changed. */
  changed(): void {
    this.#version++
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

  #isFresh({ size, own, version, leases, at }: Entry, service: string): boolean {
    const { registry, presence, now } = this.#init
    const age = now() - at
    if (own !== registry.serves(service) || age >= balanceDefaults.providersMs) return false
    if (version === this.#version && leases === presence.version) return true
    return size > balanceDefaults.manyProviders && age < balanceDefaults.manyProvidersMs
  }

  #sort(service: string): Entry {
    const { self, registry, map, presence, now } = this.#init
    const own = registry.serves(service)
    const sorted = { good: own ? [self] : [], doubtful: [] as string[], offline: [] as string[] }
    // The own record may not be in the map yet, or no more.
    for (const { peerId } of map.providers(service))
      if (peerId !== self) sorted[this.#standing(peerId)].push(peerId)
    const size = sorted.good.length + sorted.doubtful.length + sorted.offline.length
    return { providers: sorted, size, own, version: this.#version, leases: presence.version, at: now() }
  }

  #standing(peerId: string): 'good' | 'doubtful' | 'offline' {
    const { belief, doubts, links, presence } = this.#init
    if (!belief.isOnline(peerId)) return presence.reporting || doubts.has(peerId) ? 'offline' : 'doubtful'
    if (links.best(peerId) !== undefined) return 'good'
    return doubts.has(peerId) || links.of(peerId).length > 0 ? 'doubtful' : 'good'
  }
}

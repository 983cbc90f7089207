/** Whom an agent of a test mesh can call: all members, sorted by what it believes of them. */
import type { Policy, Subject } from '@agent-mesh/protocol'
import { Listeners } from '../core/listeners.ts'
import { Doubts } from '../membership/doubts.ts'
import type { RpcLink } from '../rpc/index.ts'
import type { Callee, CallTargets, Providers, ServiceRegistry } from '../services/index.ts'
import { ProviderIndex } from '../services/balance/provider-index.ts'
import type { LinkedMember } from './memory-links.ts'

/** A member, as the others know it. */
export interface KnownMember extends LinkedMember {
  readonly peerId: string
  readonly region: string | undefined
  readonly zone: string | undefined
  readonly registry: ServiceRegistry
  /** Whether others believe it online. */
  readonly online: boolean
}

/** What all members of a test mesh know: each other, and the policy. */
export class SharedKnowledge {
  readonly members = new Map<string, KnownMember>()
  /** Members came or went, or what they serve has changed. */
  readonly changed = new Listeners<void>(rethrow)
  /** Tags of answers that a member dropped, for the others. */
  readonly invalidated = new Listeners<{ by: Subject; tags: readonly string[] }>(rethrow)
  readonly policyChanged = new Listeners<void>(rethrow)
  current: { policy: Policy }

  constructor(policy: Policy) {
    this.current = { policy }
  }

  onChange(listener: () => void): () => void {
    return this.policyChanged.add(listener)
  }

  add(member: KnownMember): void {
    this.members.set(member.peerId, member)
    member.registry.onChange(() => this.changed.emit())
    this.changed.emit()
  }

  find(nameOrPeerId: string): KnownMember | undefined {
    return (
      this.members.get(nameOrPeerId) ?? [...this.members.values()].find(({ name }) => name === nameOrPeerId)
    )
  }
}

const rethrow = (error: unknown): never => {
  throw error
}

export interface MemoryTargetsInit {
  readonly self: KnownMember
  readonly known: SharedKnowledge
  /** The own services as a link. */
  readonly local: Callee
  /** @throws MeshError unavailable */
  readonly link: (to: KnownMember) => RpcLink
  /** Monotonic ms. */
  readonly now: () => number
}

export class MemoryTargets implements CallTargets {
  readonly #init: MemoryTargetsInit
  readonly #index: ProviderIndex
  readonly #doubts: Doubts
  readonly #watched = new WeakSet<RpcLink>()
  readonly #doubted = new Listeners<void>(rethrow)

  constructor(init: MemoryTargetsInit) {
    this.#init = init
    const { self, known, now } = init
    this.#doubts = new Doubts(now)
    const onChange = (listener: () => void) => known.changed.add(listener)
    const onDoubt = (listener: () => void) => this.#doubted.add(listener)
    this.#index = new ProviderIndex({
      self: self.peerId,
      registry: self.registry,
      map: {
        onChange: listener => onChange(() => listener([])),
        onForget: () => () => undefined,
        providers: service =>
          [...known.members.values()].filter(({ registry }) => registry.serves(service)).map(placed),
      },
      belief: {
        standing: peerId => this.#standing(peerId),
        onChange: listener => onDoubt(() => listener(undefined)),
      },
      place: () => ({ region: self.region, zone: self.zone }),
      now,
    })
  }

  providers(service: string, now?: number): Providers {
    return this.#index.of(service, now)
  }

  versions(name: string): number[] {
    return [
      ...new Set([...this.#init.known.members.values()].flatMap(({ registry }) => registry.versions(name))),
    ]
  }

  find(nameOrPeerId: string): string | undefined {
    return this.#init.known.find(nameOrPeerId)?.peerId
  }

  nameOf(peerId: string): string | undefined {
    return this.#init.known.members.get(peerId)?.name
  }

  callee(peerId: string): Callee {
    const { self, known, local, link } = this.#init
    if (peerId === self.peerId) return local
    this.#doubts.asked(peerId)
    try {
      const callee = link(known.members.get(peerId)!)
      this.#trust(peerId, callee)
      return callee
    } catch (error) {
      this.#doubt(peerId)
      throw error
    }
  }

  /** As long as the link stands. */
  #trust(peerId: string, link: RpcLink): void {
    if (this.#watched.has(link)) return
    this.#watched.add(link)
    this.#doubts.trust(peerId)
    this.#doubted.emit()
    void link.closed.then(error => error !== undefined && this.#doubt(peerId))
  }

  #doubt(peerId: string): void {
    this.#doubts.doubt(peerId)
    this.#doubted.emit()
  }

  #standing(peerId: string): 'good' | 'doubtful' | 'offline' {
    if (this.#init.known.members.get(peerId)?.online !== true) return 'offline'
    return this.#doubts.has(peerId) ? 'doubtful' : 'good'
  }
}

const placed = ({ peerId, region, zone }: KnownMember) => ({
  peerId,
  credential: { region },
  record: { region, zone },
})

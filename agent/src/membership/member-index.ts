/** Members in memory, findable by peer id, name and service. */
import type { CredentialClaims, MemberRecord } from '@agent-mesh/protocol'

/** A member as the map has it: a hint for finding it; admission uses what it shows in hello. */
export interface MapMember {
  peerId: string
  name: string
  credential: CredentialClaims
  record: MemberRecord
}

/** What a service is looked up by: `math@2` and `math`. */
const keysOf = (ref: string): [string, string] => [ref, ref.slice(0, ref.lastIndexOf('@'))]

export class MemberIndex {
  readonly #members = new Map<string, MapMember>()
  readonly #byName = new Map<string, string>()
  readonly #byService = new Map<string, Set<string>>()
  /** `math` -> `math@1`, `math@2`. */
  readonly #refs = new Map<string, Set<string>>()

  get size(): number {
    return this.#members.size
  }

  get(peerId: string): MapMember | undefined {
    return this.#members.get(peerId)
  }

  byName(name: string): MapMember | undefined {
    return this.#members.get(this.#byName.get(name) ?? '')
  }

  /** Members whose record lists `math@2`, or any version of `math`. */
  providers(service: string): MapMember[] {
    return [...(this.#byService.get(service) ?? [])].flatMap(peerId => this.#members.get(peerId) ?? [])
  }

  /** Versions of `math` that some record lists. */
  versions(name: string): number[] {
    return [...(this.#refs.get(name) ?? [])].map(ref => Number(ref.slice(ref.lastIndexOf('@') + 1)))
  }

  all(): MapMember[] {
    return [...this.#members.values()]
  }

  insert(member: MapMember): void {
    this.remove(member.peerId)
    this.#members.set(member.peerId, member)
    this.#byName.set(member.name, member.peerId)
    for (const [ref, name] of member.record.services.map(keysOf)) {
      addTo(this.#byService, ref, member.peerId)
      addTo(this.#byService, name, member.peerId)
      addTo(this.#refs, name, ref)
    }
  }

  remove(peerId: string): void {
    const old = this.#members.get(peerId)
    if (old === undefined) return
    this.#members.delete(peerId)
    if (this.#byName.get(old.name) === peerId) this.#byName.delete(old.name)
    for (const [ref, name] of old.record.services.map(keysOf)) {
      removeFrom(this.#byService, ref, peerId)
      removeFrom(this.#byService, name, peerId)
      if (!this.#byService.has(ref)) removeFrom(this.#refs, name, ref)
    }
  }
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const known = sets.get(key)
  if (known === undefined) sets.set(key, new Set([value]))
  else known.add(value)
}

/** Leaves no empty set behind: names come from other members. */
function removeFrom(sets: Map<string, Set<string>>, key: string, value: string): void {
  const known = sets.get(key)
  known?.delete(value)
  if (known?.size === 0) sets.delete(key)
}

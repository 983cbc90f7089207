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

  all(): MapMember[] {
    return [...this.#members.values()]
  }

  insert(member: MapMember): void {
    this.remove(member.peerId)
    this.#members.set(member.peerId, member)
    this.#byName.set(member.name, member.peerId)
    for (const key of member.record.services.flatMap(keysOf)) {
      const peers = this.#byService.get(key) ?? new Set()
      this.#byService.set(key, peers.add(member.peerId))
    }
  }

  remove(peerId: string): void {
    const old = this.#members.get(peerId)
    if (old === undefined) return
    this.#members.delete(peerId)
    if (this.#byName.get(old.name) === peerId) this.#byName.delete(old.name)
    for (const key of old.record.services.flatMap(keysOf)) this.#byService.get(key)?.delete(peerId)
  }
}

/** What the agents of other relays subscribed to, and over which neighbour each of these relays is reached. Pure. */
import { topicMatches, type TopicFrameOf } from '@agent-mesh/protocol'

export type Interest = TopicFrameOf<'interest'>

interface Known {
  interest: Interest
  /** Neighbours that reported it, the quickest first. */
  via: string[]
}

export class RelayInterests {
  readonly #known = new Map<string, Known>()

  all(): Interest[] {
    return [...this.#known.values()].map(({ interest }) => interest)
  }

  /** @returns whether it is news, to be sent to other neighbours */
  tell(interest: Interest, neighbour: string): boolean {
    const known = this.#known.get(interest.relay)
    const order = known === undefined ? 1 : compare(interest, known.interest)
    if (order < 0) return false
    if (order === 0) {
      if (known?.via.includes(neighbour) === false) known.via.push(neighbour)
      return false
    }
    this.#known.set(interest.relay, { interest, via: [neighbour] })
    return true
  }

  /** A neighbour is not linked any more, or these relays are the only ones of the mesh. */
  drop(neighbour: string): void {
    for (const [relay, known] of this.#known) {
      known.via = known.via.filter(peerId => peerId !== neighbour)
      if (known.via.length === 0) this.#known.delete(relay)
    }
  }

  /** Neighbours towards a relay, the relay itself first. */
  towards(relay: string): readonly string[] {
    const via = this.#known.get(relay)?.via ?? []
    return via.includes(relay) ? [relay, ...via.filter(peerId => peerId !== relay)] : via
  }

  relays(): string[] {
    return [...this.#known.keys()]
  }

  plainFor(topic: string): string[] {
    return this.all()
      .filter(({ patterns }) => patterns.some(pattern => topicMatches(pattern, topic)))
      .map(({ relay }) => relay)
  }

  groupsFor(topic: string): Map<string, { relay: string; members: number }[]> {
    const found = new Map<string, { relay: string; members: number }[]>()
    for (const { relay, groups } of this.all())
      for (const { pattern, group, members } of groups)
        if (topicMatches(pattern, topic)) found.set(group, [...(found.get(group) ?? []), { relay, members }])
    return found
  }
}

const compare = (one: Interest, other: Interest): number => one.epoch - other.epoch || one.seq - other.seq

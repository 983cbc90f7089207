/** The last value of each topic whose publisher wants it kept; bounded: the topic heard of last stays longest. */
import type { Publication, TopicClaims } from '@agent-mesh/protocol'
import { topicDefaults } from '../defaults.ts'

export interface ReadPublication extends Publication {
  readonly publisher: string
  readonly claims: TopicClaims
}

/** Whether `one` was published later. Of equal times the order is the same everywhere. */
export function isLater(one: ReadPublication, other: ReadPublication): boolean {
  const [a, b] = [one.claims, other.claims]
  if (a.at !== b.at) return a.at > b.at
  if (one.publisher !== other.publisher) return one.publisher > other.publisher
  return a.epoch === b.epoch ? a.seq > b.seq : a.epoch > b.epoch
}

export class RetainedValues {
  readonly #values = new Map<string, ReadPublication>()
  #bytes = 0

  /** Keeps a publication that was verified. @returns whether it is the last value of its topic now */
  keep(publication: ReadPublication): boolean {
    const { topic } = publication.claims
    const known = this.#values.get(topic)
    if (known !== undefined && !isLater(publication, known)) return false
    this.#delete(topic)
    // The bytes are a view on what was received with them.
    const kept = { ...publication, bodies: Uint8Array.from(publication.bodies) }
    this.#values.set(topic, kept)
    this.#bytes += kept.bodies.byteLength + kept.jws.length
    for (const [oldest] of this.#values) {
      if (this.#bytes <= topicDefaults.retainedBytes && this.#values.size <= topicDefaults.retainedTopics)
        break
      this.#delete(oldest)
    }
    return true
  }

  all(): Iterable<ReadPublication> {
    return this.#values.values()
  }

  #delete(topic: string): void {
    const known = this.#values.get(topic)
    if (known === undefined) return
    this.#values.delete(topic)
    this.#bytes -= known.bodies.byteLength + known.jws.length
  }
}

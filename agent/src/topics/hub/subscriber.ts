/** One agent that subscribes at a hub, or the hub's own agent: its subscriptions, and what it is sent. */
import {
  encodeTopicFrame,
  MeshError,
  topicLimits,
  topicMatches,
  type GroupShares,
  type Subject,
  type TopicFrame,
  type TopicFrameOf,
} from '@agent-mesh/protocol'
import { topicDefaults } from '../defaults.ts'
import type { ReadPublication } from './retained-values.ts'

/** Where frames for a subscriber go. */
export interface SubscriberSink {
  /** Never dropped. */
  send(frame: TopicFrame): void
  /** Dropped when it is slow. */
  offer(pieces: readonly Uint8Array[], onDrop: () => void): void
}

export type Subscribe = TopicFrameOf<'subscribe'>

/** Its subscriptions to a topic: whether one is outside groups, and the groups of the others. */
export interface SubscriberMatch {
  readonly plain: boolean
  readonly groups: readonly string[]
}

export class Subscriber {
  readonly peerId: string
  readonly subject: () => Subject
  readonly #sink: SubscriberSink
  readonly #subscriptions = new Map<number, Subscribe>()
  /** Messages that were dropped since it was informed, by topic and groups. */
  readonly #lost = new Map<string, TopicFrameOf<'lost'>>()

  constructor(init: { peerId: string; subject: () => Subject; sink: SubscriberSink }) {
    this.peerId = init.peerId
    this.subject = init.subject
    this.#sink = init.sink
  }

  get subscriptions(): Iterable<Subscribe> {
    return this.#subscriptions.values()
  }

  send(frame: TopicFrame): void {
    this.#sink.send(frame)
  }

  /** @throws MeshError overloaded */
  add(subscribe: Subscribe): void {
    if (this.#subscriptions.size >= topicLimits.subscriptions)
      throw new MeshError(
        'overloaded',
        `Cannot subscribe to ${subscribe.pattern}: ${topicLimits.subscriptions} subscriptions are the limit`,
      )
    this.#subscriptions.set(subscribe.id, subscribe)
  }

  /** @returns whether there was one */
  remove(id: number): boolean {
    return this.#subscriptions.delete(id)
  }

  match(topic: string): SubscriberMatch | undefined {
    const matching = [...this.#subscriptions.values()].filter(({ pattern }) => topicMatches(pattern, topic))
    if (matching.length === 0) return undefined
    const groups = matching.flatMap(({ group }) => group ?? [])
    return { plain: matching.some(({ group }) => group === undefined), groups: [...new Set(groups)] }
  }

  /** Sends a message. @param frame may be the same for several subscribers, encoded once */
  deliver(
    { claims }: ReadPublication,
    frame: readonly Uint8Array[],
    { plain, shares }: { plain: boolean; shares: GroupShares | undefined },
    onLost: (count: number) => void,
  ): void {
    this.#tellLost()
    const count = plain ? claims.sizes.length : new Set(Object.values(shares ?? {}).flat()).size
    this.#sink.offer(frame, () => {
      onLost(count)
      this.lose({ topic: claims.topic, plain, groups: Object.keys(shares ?? {}), count })
    })
  }

  /** Sends the last value of a topic to one subscription. */
  deliverRetained({ jws, bodies }: ReadPublication, id: number): void {
    const frame = { type: 'message', jws, acks: false, plain: false, retainedFor: [id] } satisfies TopicFrame
    this.#sink.offer(encodeTopicFrame(frame, bodies), () => undefined)
  }

  /** Messages for it were dropped, here or on the way to here: it is informed before the next one. */
  lose(lost: { topic: string; plain: boolean; groups: string[]; count: number }): void {
    const key = `${lost.topic} ${String(lost.plain)} ${lost.groups.join()}`
    const before = this.#lost.get(key)?.count ?? 0
    this.#lost.set(key, { type: 'lost', ...lost, count: before + lost.count })
    if (this.#lost.size > topicDefaults.remembered) this.#tellLost()
  }

  #tellLost(): void {
    for (const lost of this.#lost.values()) this.#sink.send(lost)
    this.#lost.clear()
  }
}

/** How many messages were dropped on the way to one neighbour since the last report, by topic, for each relay behind it. Pure. */
import { topicLimits, type TopicFrameOf } from '@agent-mesh/protocol'

export type ForwardLost = TopicFrameOf<'forward-lost'>
type Counts = ForwardLost['to'][string]

export class ForwardLosses {
  readonly #lost = new Map<string, Record<string, Counts>>()

  /** A publication was dropped. @param messages of it, a count */
  dropped(topic: string, messages: number, { to }: Pick<TopicFrameOf<'forward'>, 'to'>): void {
    for (const [relay, { plain, shares = {} }] of Object.entries(to)) {
      const groups = Object.entries(shares).map(([group, places]) => [group, places.length] as const)
      this.add(topic, { [relay]: { plain: plain ? messages : 0, groups: Object.fromEntries(groups) } })
    }
  }

  /** Beyond the limit of topics, the losses of the first one are not reported. */
  add(topic: string, to: ForwardLost['to']): void {
    const known = this.#lost.get(topic) ?? {}
    for (const [relay, counts] of Object.entries(to)) {
      const sum = added(known[relay], counts)
      if (sum.plain > 0 || Object.keys(sum.groups ?? {}).length > 0) known[relay] = sum
    }
    if (Object.keys(known).length === 0) return
    this.#lost.set(topic, known)
    const [first] = this.#lost.keys()
    if (this.#lost.size > topicLimits.interests && first !== undefined) this.#lost.delete(first)
  }

  /** The report of now; it is forgotten. */
  take(hops: number): ForwardLost[] {
    const frames = [...this.#lost].map(([topic, to]) => ({ type: 'forward-lost' as const, topic, hops, to }))
    this.#lost.clear()
    return frames
  }
}

function added(one: Counts | undefined, other: Counts): Counts {
  const groups = { ...one?.groups }
  for (const [group, count] of Object.entries(other.groups ?? {}))
    if (group in groups || Object.keys(groups).length < topicLimits.groups)
      groups[group] = (groups[group] ?? 0) + count
  return { plain: (one?.plain ?? 0) + other.plain, ...(Object.keys(groups).length > 0 && { groups }) }
}

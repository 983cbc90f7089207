/** Invalidated tags, to and from the other members: over the topic `mesh.cache`, as far as the policy grants it. */
import { invalidationTopic } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import type { Member } from '../member/member.ts'
import type { MemberMetrics } from '../observe/member-metrics.ts'
import { tagList } from '../services/cache/tags.ts'
import type { CallCache } from '../services/cache/call-cache.ts'
import type { TopicContract } from '../topics/contract.ts'
import type { LazyTopics } from '../topics/lazy-topics.ts'
import type { TopicMessage } from '../topics/subscription.ts'
import { agentDefaults } from './defaults.ts'

/** `published`: other members heard of it; `local`: they did not; `received`: from another member. */
type InvalidationCounts = Record<'published' | 'local' | 'received', number>

interface Invalidated {
  tags: string[]
}

const invalidations = {
  name: invalidationTopic,
  message: z.object({ tags: tagList }),
} satisfies TopicContract

export class MeshInvalidation {
  readonly #member: Member
  readonly #topics: LazyTopics
  readonly #cache: CallCache | undefined
  readonly #events: InvalidationCounts = { published: 0, local: 0, received: 0 }
  #state: 'deaf' | 'listening' = 'deaf'
  #askedAt = -Infinity

  /** @param cache of this agent, if it has one: it listens from the first answer with tags on */
  constructor(member: Member, topics: LazyTopics, cache: CallCache | undefined) {
    this.#member = member
    this.#topics = topics
    this.#cache = cache
    if (cache !== undefined) cache.onTagged = () => this.#listen(cache)
    countInvalidations(member.metrics, this.#events)
  }

  /** Drops the answers with any of these tags, here and at the members that hear it. @returns how many were dropped here */
  async invalidate(tags: readonly string[]): Promise<number> {
    const dropped = (await this.#cache?.invalidate(tags)) ?? 0
    if (tags.length > 0) this.#events[(await this.#publish(tags)) ? 'published' : 'local']++
    return dropped
  }

  async #publish(tags: readonly string[]): Promise<boolean> {
    if (!this.#allows('publish')) return false
    try {
      await (await this.#topics.get()).publish(invalidations, { tags })
      return true
    } catch (err) {
      this.#member.log.warn(
        { event: 'invalidation-not-sent', err, tags },
        'invalidated cached answers of this agent alone',
      )
      return false
    }
  }

  /** As the policy may change, a denial is asked about again, now and then. */
  #listen(cache: CallCache): void {
    const now = this.#member.clock.now()
    if (this.#state === 'listening' || now - this.#askedAt < agentDefaults.askInvalidationsMs) return
    this.#askedAt = now
    if (!this.#allows('subscribe')) return
    this.#state = 'listening'
    this.#subscribe(cache).catch((err: unknown) => {
      this.#state = 'deaf'
      this.#member.log.warn({ event: 'invalidations-not-received', err }, 'no invalidations of other members')
    })
  }

  async #subscribe(cache: CallCache): Promise<void> {
    const { peerId } = this.#member.identity
    const topics = await this.#topics.get()
    const onMessage = async ({ value, from, lost }: TopicMessage) => {
      if (from.peerId === peerId) return
      this.#events.received++
      // What was lost may have named any tag.
      if (lost > 0) await cache.invalidateAll()
      else await cache.invalidate((value as Invalidated).tags)
    }
    topics.subscribe(invalidations, { retained: false, onMessage })
  }

  #allows(action: 'publish' | 'subscribe'): boolean {
    const { credential, serving } = this.#member
    return serving.allows(credential.claims, `topic:${invalidationTopic}`, action)
  }
}

/** @param events counts, read when asked */
export function countInvalidations(
  metrics: Pick<MemberMetrics, 'counter'>,
  events: InvalidationCounts,
): void {
  metrics.counter(
    'agent_mesh_invalidations_total',
    'Invalidations of cached answers: made here and published to the other members (published), made here and not published, as the policy does not grant it or no message could be sent (local), or received from another member (received)',
    'event',
    () => Object.entries(events),
  )
}

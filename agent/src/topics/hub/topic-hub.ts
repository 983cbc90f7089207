/**
 * Passes publications to the agents that subscribed here, and with `remote` to other relays. It asks the policy for each: may the
 * publisher publish, may the subscriber subscribe. At most once: nothing is sent again.
 */
import {
  encodeTopicFrame,
  type GroupShares,
  type Subject,
  type TopicFrameOf,
  topicLimits,
  topicMatches,
  MeshError,
  verifyPublication,
} from '@agent-mesh/protocol'
import { topicDefaults } from '../defaults.ts'
import { GroupTurns, type GroupSlot } from './group-shares.ts'
import type { RelayShare, RemoteHubs } from './remote-hubs.ts'
import { RetainedValues, type ReadPublication } from './retained-values.ts'
import type { Subscribe, Subscriber, SubscriberMatch } from './subscriber.ts'

export type TopicAction = 'publish' | 'subscribe'

export interface TopicHubInit {
  mesh: string
  /** Asks the policy. @throws MeshError permission_denied */
  authorize: (question: { from: Subject; action: TopicAction; to: string }) => void
  /** The same, without a denial on record. */
  allows: (from: Subject, action: TopicAction, to: string) => boolean
  /** Unix ms. */
  now: () => number
  /** So many messages were dropped, for a subscriber that is slow. */
  onLost: (count: number) => void
  remote?: RemoteHubs
}

type Confirm = TopicFrameOf<'confirm'>

/** Where a publication came from, and what is done with it already. */
export interface Passing {
  acks: boolean
  /** Groups a member of which has it. */
  served?: readonly string[]
  /** Gets nothing: it is served elsewhere. */
  except?: Subscriber | undefined
  /** Takes confirmations back to the publisher. */
  onConfirm: (confirm: Confirm) => void
}

export class TopicHub {
  readonly #init: TopicHubInit
  readonly #subscribers = new Set<Subscriber>()
  readonly #retained = new RetainedValues()
  readonly #turns = new GroupTurns(topicDefaults.remembered)
  readonly #matches = new Map<string, [Subscriber, SubscriberMatch][]>()
  /** The way back to the publishers whose messages are confirmed. */
  readonly #ways = new Map<string, (confirm: Confirm) => void>()

  constructor(init: TopicHubInit) {
    this.#init = init
  }

  /** Agents with subscriptions. */
  get size(): number {
    return this.#subscribers.size
  }

  get subscribers(): Iterable<Subscriber> {
    return this.#subscribers
  }

  /** Last values, for a relay that was not there. */
  get retained(): Iterable<ReadPublication> {
    return this.#retained.all()
  }

  /** @throws MeshError permission_denied, overloaded */
  subscribe(subscriber: Subscriber, subscribe: Subscribe): void {
    const { id, pattern, group, retained } = subscribe
    const { authorize, allows } = this.#init
    authorize({ from: subscriber.subject(), action: 'subscribe', to: `topic:${pattern}` })
    subscriber.add(subscribe)
    this.#subscribers.add(subscriber)
    this.#changed()
    subscriber.send({ type: 'subscribed', id })
    if (!retained || group !== undefined) return
    for (const value of this.#retained.all()) {
      const { topic } = value.claims
      if (topicMatches(pattern, topic) && allows(subscriber.subject(), 'subscribe', `topic:${topic}`))
        subscriber.deliverRetained(value, id)
    }
  }

  unsubscribe(subscriber: Subscriber, id: number): void {
    if (subscriber.remove(id)) this.#changed()
  }

  remove(subscriber: Subscriber): void {
    if (this.#subscribers.delete(subscriber)) this.#changed()
  }

  /**
   * Passes on what an agent published here. @param from its credential
   * @returns groups a member of which has it now
   * @throws MeshError permission_denied; unauthenticated for what is to be retained and is not signed by its publisher
   */
  async publish(publication: ReadPublication, from: Subject, passing: Passing): Promise<string[]> {
    const { claims, publisher } = publication
    const { authorize, remote } = this.#init
    authorize({ from, action: 'publish', to: `topic:${claims.topic}` })
    if (passing.acks) this.#remember(publisher, passing.onConfirm)
    if (claims.retain === true) await this.#retain(publication)
    const matches = this.#matching(claims.topic).filter(([subscriber]) => subscriber !== passing.except)
    const { local, away } = this.#shareGroups(claims, matches, new Set(passing.served))
    this.#deliver(publication, matches, local, passing.acks)
    for (const relay of remote?.plainFor(claims.topic) ?? [])
      away.set(relay, { ...away.get(relay), plain: true })
    if (claims.retain === true)
      for (const relay of remote?.all() ?? []) away.set(relay, away.get(relay) ?? { plain: false })
    if (away.size > 0) remote?.forward(publication, away, passing.acks)
    return [...new Set([...local.values()].flatMap(shares => Object.keys(shares)))]
  }

  /** Passes on what another relay forwarded for the agents here. */
  async forwarded(publication: ReadPublication, share: RelayShare, passing: Passing): Promise<void> {
    const { claims, publisher } = publication
    if (passing.acks) this.#remember(publisher, passing.onConfirm)
    if (claims.retain === true) await this.#retain(publication)
    const matches = this.#matching(claims.topic)
    const local = new Map<Subscriber, GroupShares>()
    for (const [group, places] of Object.entries(share.shares ?? {}))
      addShares(local, group, this.#turns.share(group, places, membersOf(matches, group)))
    this.#deliver(publication, share.plain ? matches : [], local, passing.acks)
    if (claims.retain !== true || share.plain) return
    for (const [subscriber] of matches)
      for (const { id, pattern, group, retained } of subscriber.subscriptions)
        if (retained && group === undefined && topicMatches(pattern, claims.topic))
          subscriber.deliverRetained(publication, id)
  }

  /** Messages for the agents here were dropped on the way: of a group, each member gets its part of the number. */
  missed(topic: string, { plain, groups = {} }: TopicFrameOf<'forward-lost'>['to'][string]): void {
    const matches = this.#matching(topic)
    const outside = matches.filter(([, match]) => match.plain)
    if (plain > 0)
      for (const [subscriber] of outside) subscriber.lose({ topic, plain: true, groups: [], count: plain })
    for (const [group, lost] of Object.entries(groups)) {
      const members = membersOf(matches, group)
      for (const [nth, { target }] of members.entries()) {
        const count = Math.floor((lost + nth) / members.length)
        if (count > 0) target.lose({ topic, plain: false, groups: [group], count })
      }
    }
  }

  /** Subscribers have handled messages. */
  confirm(confirm: Confirm): void {
    this.#ways.get(confirm.publisher)?.(confirm)
  }

  async #retain(publication: ReadPublication): Promise<void> {
    const { publisher } = await verifyPublication(publication, this.#init.mesh)
    if (
      publisher !== publication.publisher ||
      publication.claims.at > this.#init.now() + topicDefaults.skewMs
    )
      throw new MeshError('unauthenticated', `Cannot retain a message of ${publisher}: it is of the future`)
    this.#retained.keep(publication)
  }

  #shareGroups(
    { topic, sizes }: ReadPublication['claims'],
    matches: readonly [Subscriber, SubscriberMatch][],
    served: ReadonlySet<string>,
  ) {
    const local = new Map<Subscriber, GroupShares>()
    const away = new Map<string, RelayShare>()
    const remote =
      this.#init.remote?.groupsFor(topic) ?? new Map<string, { relay: string; members: number }[]>()
    const here = matches.flatMap(([, { groups }]) => groups)
    const places = sizes.map((_, place) => place)
    for (const group of [...new Set([...here, ...remote.keys()])].slice(0, topicLimits.groups)) {
      if (served.has(group)) continue
      const slots: GroupSlot<Subscriber | string>[] = [
        ...membersOf(matches, group),
        ...(remote.get(group) ?? []).map(({ relay, members }) => ({ target: relay, members })),
      ]
      for (const [target, share] of this.#turns.share(group, places, slots))
        if (typeof target !== 'string') addShares(local, group, new Map([[target, share]]))
        else {
          const before = away.get(target)
          away.set(target, { plain: before?.plain ?? false, shares: { ...before?.shares, [group]: share } })
        }
    }
    return { local, away }
  }

  /** Those outside groups get the same bytes. */
  #deliver(
    publication: ReadPublication,
    matches: readonly [Subscriber, SubscriberMatch][],
    local: ReadonlyMap<Subscriber, GroupShares>,
    acks: boolean,
  ): void {
    const { jws, bodies } = publication
    const base = { type: 'message', jws, acks } as const
    let common: readonly Uint8Array[] | undefined
    const plainly = new Set(matches.filter(([, { plain }]) => plain).map(([subscriber]) => subscriber))
    for (const subscriber of new Set([...plainly, ...local.keys()])) {
      const shares = local.get(subscriber)
      const plain = plainly.has(subscriber)
      if (shares === undefined) common ??= encodeTopicFrame({ ...base, plain }, bodies)
      const frame = shares === undefined ? common! : encodeTopicFrame({ ...base, plain, shares }, bodies)
      subscriber.deliver(publication, frame, { plain, shares }, this.#init.onLost)
    }
  }

  /** Subscribers to a topic that the policy lets subscribe to it. */
  #matching(topic: string): [Subscriber, SubscriberMatch][] {
    let matches = this.#matches.get(topic)
    if (matches === undefined) {
      matches = [...this.#subscribers].flatMap(subscriber => {
        const match = subscriber.match(topic)
        return match === undefined ? [] : [[subscriber, match]]
      })
      if (this.#matches.size >= topicDefaults.remembered) this.#matches.clear()
      this.#matches.set(topic, matches)
    }
    const to = `topic:${topic}`
    return matches.filter(([{ subject }]) => this.#init.allows(subject(), 'subscribe', to))
  }

  #remember(publisher: string, way: (confirm: Confirm) => void): void {
    this.#ways.delete(publisher)
    this.#ways.set(publisher, way)
    const [oldest] = this.#ways.keys()
    if (this.#ways.size > topicDefaults.remembered && oldest !== undefined) this.#ways.delete(oldest)
  }

  #changed(): void {
    this.#matches.clear()
    this.#init.remote?.changed()
  }
}

const membersOf = (
  matches: readonly [Subscriber, SubscriberMatch][],
  group: string,
): GroupSlot<Subscriber>[] =>
  matches.flatMap(([target, { groups }]) => (groups.includes(group) ? [{ target, members: 1 }] : []))

function addShares(
  to: Map<Subscriber, GroupShares>,
  group: string,
  shares: ReadonlyMap<Subscriber, number[]>,
): void {
  for (const [subscriber, share] of shares) to.set(subscriber, { ...to.get(subscriber), [group]: share })
}

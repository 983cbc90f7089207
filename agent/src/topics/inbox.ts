/** What arrives: it is verified, numbers are checked, the policy is asked, and each subscription gets its part. */
import {
  decodeTopicMessage,
  messagesOf,
  readPublication,
  verifyPublication,
  type Subject,
  topicMatches,
  type TopicClaims,
  type TopicFrame,
  type TopicFrameOf,
} from '@agent-mesh/protocol'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { traceOfParent } from '../observe/traceparent.ts'
import type { Tracing } from '../observe/tracing.ts'
import { topicDefaults } from './defaults.ts'
import { handlingOf } from './handling.ts'
import { isLater, type ReadPublication } from './hub/retained-values.ts'
import { ReplayWindows } from './replay-windows.ts'
import type { Subscription } from './subscription.ts'

/** Why a message did not reach a subscription. */
export type Refusal = 'forged' | 'denied' | 'replayed' | 'unfit'

export interface InboxInit {
  mesh: string
  /** Unix ms. */
  now: () => number
  /** The credential of a member, if it is known and in force. */
  subjectOf: (peerId: string) => Subject | undefined
  /** Whether the policy lets a publisher publish to a topic, and this member subscribe to it. */
  allows: (publisher: Subject, topic: string) => boolean
  /** Resolves after the members that are known have changed, or the time is over. */
  untilKnown: (peerId: string, ms: number) => Promise<void>
  tracing: Tracing | undefined
  onRefused: (reason: Refusal, publisher: string | undefined, error?: unknown) => void
  onDelivered: (count: number) => void
}

/** A subscription with its schema. */
export interface Reader {
  readonly subscription: Subscription
  readonly schema: StandardSchemaV1 | undefined
}

type Confirm = (confirm: TopicFrameOf<'confirm'>) => void
type MessageFrame = TopicFrameOf<'message'>

export class Inbox {
  readonly #init: InboxInit
  readonly #windows: ReplayWindows
  readonly #readers = new Map<number, Reader>()
  /** Last value that each subscription got, by topic. */
  readonly #lastValues = new WeakMap<Subscription, Map<string, ReadPublication>>()
  /** What is being received, by the header of its publisher. */
  readonly #running = new Map<string, Promise<void>>()
  #runningBytes = 0
  #waitingBytes = 0

  constructor(init: InboxInit) {
    this.#init = init
    this.#windows = new ReplayWindows(init.now)
  }

  get readers(): ReadonlyMap<number, Reader> {
    return this.#readers
  }

  add(reader: Reader): void {
    this.#readers.set(reader.subscription.id, reader)
  }

  remove(id: number): void {
    this.#readers.delete(id)
  }

  /**
   * Messages of a publisher reach subscriptions in the order in which they came here.
   * @param confirm takes acknowledgements back @throws never
   */
  receive(frame: TopicFrame, bodies: Uint8Array, confirm: Confirm): void {
    if (frame.type === 'lost') this.#lose(frame)
    if (frame.type !== 'message') return
    const bytes = bodies.byteLength + frame.jws.length
    if (this.#runningBytes + bytes > topicDefaults.receivingBytes) return this.#drop(frame, bodies)
    this.#runningBytes += bytes
    // The header names the publisher, and is the same in all of its publications.
    const publisher = frame.jws.slice(0, frame.jws.indexOf('.'))
    const before = this.#running.get(publisher)
    const work = () => this.#receive(frame, bodies, confirm)
    const running = before === undefined ? work() : before.then(work)
    this.#running.set(publisher, running)
    void running.then(() => {
      this.#runningBytes -= bytes
      if (this.#running.get(publisher) === running) this.#running.delete(publisher)
    })
  }

  /** Schemas are slower than messages come. */
  #drop({ jws, plain, shares = {} }: MessageFrame, bodies: Uint8Array): void {
    try {
      const { topic, sizes } = readPublication({ jws, bodies }).claims
      this.#lose({ type: 'lost', topic, count: sizes.length, plain, groups: Object.keys(shares) })
    } catch (error) {
      this.#init.onRefused('forged', undefined, error)
    }
  }

  async #receive(frame: MessageFrame, bodies: Uint8Array, confirm: Confirm): Promise<void> {
    try {
      const { publisher, claims } = await verifyPublication({ jws: frame.jws, bodies }, this.#init.mesh)
      const known = this.#init.subjectOf(publisher)
      const from = known ?? (await this.#untilKnown(publisher, bodies.byteLength))
      if (from === undefined || !this.#init.allows(from, claims.topic))
        return this.#init.onRefused('denied', publisher)
      const publication = { jws: frame.jws, bodies, publisher, claims }
      await this.#deliver(frame, publication, from, confirm)
    } catch (error) {
      this.#init.onRefused('forged', undefined, error)
    }
  }

  /** A member that joined a moment ago is not in the map yet: its message waits for that. */
  async #untilKnown(peerId: string, bytes: number): Promise<Subject | undefined> {
    if (this.#waitingBytes + bytes > topicDefaults.unknownBytes) return undefined
    this.#waitingBytes += bytes
    await this.#init.untilKnown(peerId, topicDefaults.unknownMs)
    this.#waitingBytes -= bytes
    return this.#init.subjectOf(peerId)
  }

  async #deliver(
    { plain, shares = {}, retainedFor, acks }: MessageFrame,
    publication: ReadPublication,
    from: Subject,
    confirm: Confirm,
  ): Promise<void> {
    const { claims, publisher } = publication
    const readers = this.#readersOf(claims)
    const bodies = messagesOf(claims, publication.bodies)
    if (retainedFor !== undefined) {
      const named = readers.filter(({ subscription }) => retainedFor.includes(subscription.id))
      for (const reader of named) await this.#give(reader, publication, 0, bodies[0]!, from, true)
      return
    }
    for (const [place, body] of bodies.entries()) {
      const numbered = { publisher, epoch: claims.epoch, seq: claims.seq + place, at: claims.at }
      const lanes = Object.keys(shares).filter(group => shares[group]?.includes(place))
      const chosen: Reader[] = []
      if (plain && this.#isNew(numbered, ''))
        chosen.push(...readers.filter(({ subscription }) => subscription.group === undefined))
      for (const lane of lanes) {
        // Of several subscriptions here to one group, one handles it.
        const one = readers.find(({ subscription }) => subscription.group === lane)
        if (one !== undefined && this.#isNew(numbered, lane)) chosen.push(one)
      }
      const acknowledge = !acks
        ? undefined
        : () => confirm({ type: 'confirm', publisher, epoch: claims.epoch, counts: [[numbered.seq, 1]] })
      for (const reader of chosen)
        await this.#give(reader, publication, place, body, from, false, acknowledge)
    }
  }

  #isNew(numbered: Parameters<ReplayWindows['take']>[0], lane: string): boolean {
    const isNew = this.#windows.take(numbered, lane)
    if (!isNew) this.#init.onRefused('replayed', numbered.publisher)
    return isNew
  }

  #readersOf({ topic, version }: TopicClaims): Reader[] {
    return [...this.#readers.values()].filter(
      ({ subscription: { pattern, version: wanted } }) =>
        topicMatches(pattern, topic) && (wanted === undefined || wanted === version),
    )
  }

  async #give(
    { subscription, schema }: Reader,
    publication: ReadPublication,
    place: number,
    body: Uint8Array,
    { name }: Subject,
    retained: boolean,
    acknowledge?: () => void,
  ): Promise<void> {
    const { claims, publisher } = publication
    if (claims.retain === true && !this.#isLastValue(subscription, publication)) return
    try {
      const decoded = decodeTopicMessage(body)
      const checked = await schema?.['~standard'].validate(decoded)
      if (checked?.issues !== undefined) return this.#init.onRefused('unfit', publisher)
      const value = checked === undefined ? decoded : checked.value
      const { topic, at, traces } = claims
      const trace = retained ? undefined : traceOfParent(traces?.[place])
      const begin = handlingOf(this.#init.tracing, { topic, publisher, trace, acknowledge })
      const from = { peerId: publisher, name }
      subscription.push({ topic, value, from, at, retained, ...(trace !== undefined && { trace }) }, begin)
      this.#init.onDelivered(1)
    } catch (error) {
      this.#init.onRefused('unfit', publisher, error)
    }
  }

  /** Each hub that is asked tells the last value: a subscription gets it once. */
  #isLastValue(subscription: Subscription, publication: ReadPublication): boolean {
    let values = this.#lastValues.get(subscription)
    if (values === undefined) this.#lastValues.set(subscription, (values = new Map()))
    const { topic } = publication.claims
    const known = values.get(topic)
    if (known !== undefined && !isLater(publication, known)) return false
    if (values.size >= topicDefaults.retainedTopics) values.clear()
    values.set(topic, { ...publication, bodies: new Uint8Array() })
    return true
  }

  #lose({ topic, count, plain, groups = [] }: TopicFrameOf<'lost'>): void {
    for (const { subscription } of this.#readers.values()) {
      const { group, pattern } = subscription
      const isHit = group === undefined ? plain : groups.includes(group)
      if (isHit && topicMatches(pattern, topic)) subscription.lose(count)
    }
  }
}

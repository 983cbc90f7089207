/** What arrives: it is verified, numbers are checked, the policy is asked, and each subscription gets its part. */
import {
  decodeTopicMessage,
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
import { laneOf, ReplayWindows, type Numbered } from './replay-windows.ts'
import type { Subscription, TopicMessage } from './subscription.ts'

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

/** One message on its way to a subscription. */
interface Arrival {
  readonly publication: ReadPublication
  readonly from: TopicMessage['from']
  readonly place: number
  /** It is what lies from `start` to `end` of these. */
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly retained: boolean
  readonly acknowledge: (() => void) | undefined
}

const none: readonly Reader[] = []

/** With memory of its own. */
const alone = (arrival: Arrival): Arrival => {
  const bytes = Uint8Array.from(arrival.bytes.subarray(arrival.start, arrival.end))
  return { ...arrival, bytes, start: 0, end: bytes.byteLength }
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
    subject: Subject,
    confirm: Confirm,
  ): Promise<void> {
    const { claims, publisher, bodies } = publication
    const { epoch, at, sizes } = claims
    const readers = this.#readersOf(claims)
    const from = { peerId: publisher, name: subject.name }
    const first = { publication, from, place: 0, bytes: bodies, start: 0, end: sizes[0]! }
    let delivered = 0
    if (retainedFor !== undefined) {
      const named = readers.filter(({ subscription }) => retainedFor.includes(subscription.id))
      for (const reader of named)
        if (await this.#give(reader, { ...first, retained: true, acknowledge: undefined })) delivered++
      return this.#delivered(delivered)
    }
    const outside = plain ? readers.filter(({ subscription }) => subscription.group === undefined) : []
    const plainLane = laneOf(publisher)
    const groups = Object.entries(shares).map(([group, places]) => ({
      ...{ group, places, lane: laneOf(publisher, group) },
    }))
    let start = 0
    for (let place = 0; place < sizes.length; place++) {
      const end = start + sizes[place]!
      const numbered = { epoch, seq: claims.seq + place, at }
      let chosen = plain && this.#isNew(plainLane, numbered, publisher) ? outside : none
      for (const { group, places, lane } of groups) {
        // Of several subscriptions here to one group, one handles it.
        const one = places.includes(place)
          ? readers.find(({ subscription }) => subscription.group === group)
          : undefined
        if (one !== undefined && this.#isNew(lane, numbered, publisher)) chosen = [...chosen, one]
      }
      const acknowledge = !acks
        ? undefined
        : () => confirm({ type: 'confirm', publisher, epoch, counts: [[numbered.seq, 1]] })
      // Written out: a message takes as long as its objects.
      const arrival = { publication, from, place, bytes: bodies, start, end, retained: false, acknowledge }
      for (let nth = 0; nth < chosen.length; nth++) {
        // Readers share no bytes, and one of a group does not keep those of the other messages.
        const given = nth === 0 && groups.length === 0 ? arrival : alone(arrival)
        const giving = this.#give(chosen[nth]!, given)
        if (typeof giving === 'boolean' ? giving : await giving) delivered++
      }
      start = end
    }
    this.#delivered(delivered)
  }

  #delivered(count: number): void {
    if (count > 0) this.#init.onDelivered(count)
  }

  #isNew(lane: string, numbered: Numbered, publisher: string): boolean {
    const isNew = this.#windows.take(lane, numbered)
    if (!isNew) this.#init.onRefused('replayed', publisher)
    return isNew
  }

  #readersOf({ topic, version }: TopicClaims): Reader[] {
    return [...this.#readers.values()].filter(
      ({ subscription: { pattern, version: wanted } }) =>
        topicMatches(pattern, topic) && (wanted === undefined || wanted === version),
    )
  }

  /** At once unless the schema takes its time: a promise for each message would cost more than the message. */
  #give({ subscription, schema }: Reader, arrival: Arrival): boolean | Promise<boolean> {
    const { publication, bytes, start, end } = arrival
    const { claims, publisher } = publication
    const isFirst = this.#lastValues.get(subscription)?.has(claims.topic) !== true
    if (claims.retain === true && !this.#isLastValue(subscription, publication)) return false
    const refuse = (error?: unknown): boolean => {
      this.#init.onRefused('unfit', publisher, error)
      return false
    }
    const push = (checked: StandardSchemaV1.Result<unknown>): boolean => {
      if (checked.issues !== undefined) return refuse()
      this.#push(subscription, arrival, checked.value)
      return true
    }
    try {
      const value = decodeTopicMessage(bytes, start, end)
      // Its last value was deleted before the subscription, which has not heard of that value either.
      if (value === null && arrival.retained && isFirst) return false
      const checked = schema === undefined ? { value } : schema['~standard'].validate(value)
      return checked instanceof Promise ? checked.then(push).catch(refuse) : push(checked)
    } catch (error) {
      return refuse(error)
    }
  }

  #push(subscription: Subscription, arrival: Arrival, value: unknown): void {
    const { publication, from, place, retained, acknowledge } = arrival
    const { topic, at, traces } = publication.claims
    const { publisher } = publication
    const trace = retained ? undefined : traceOfParent(traces?.[place])
    const begin = handlingOf(this.#init.tracing, { topic, publisher, trace, acknowledge })
    const message = { topic, value, from, at, retained, lost: 0 }
    subscription.push(trace === undefined ? message : { ...message, trace }, begin)
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

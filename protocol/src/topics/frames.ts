/**
 * Frames of `/agent-mesh/topics/1.0.0`: length of the rest (u32, big-endian), length of the JSON header (u32), header, bodies.
 *
 *   agent -> hub    subscribe, unsubscribe, publish, confirm
 *   hub -> agent    subscribed, refused, message, lost, confirm
 *   relay -> relay  interest, forward, forward-lost;  back: confirm
 *
 * A hub is what an agent subscribes at: its home relay, and without relays each agent. Frames of an unknown type are skipped.
 */
import * as z from 'zod/mini'
import { MeshError } from '../errors.ts'
import { millisField, peerIdField } from '../fields.ts'
import { parse, parseJson } from '../parse.ts'
import { topicGroupField, topicLimits, topicNameField, topicPatternField } from './names.ts'

const { groups, headerBytes, interests, messages, publicationBytes, signedBytes } = topicLimits

const count = z.int().check(z.nonnegative())
const jws = z.string().check(z.maxLength(signedBytes))
const groupNames = z.array(topicGroupField).check(z.maxLength(groups))
/** Which messages of a publication, by their place in it, a member of each group handles. */
const shares = z
  .record(topicGroupField, z.array(count).check(z.maxLength(messages)))
  .check(z.refine(all => Object.keys(all).length <= groups))
export type GroupShares = z.output<typeof shares>
const groupCounts = z.record(topicGroupField, count).check(z.refine(all => Object.keys(all).length <= groups))

export const topicFrameSchema = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('subscribe'),
    id: count,
    pattern: topicPatternField,
    group: z.optional(topicGroupField),
    /** Whether it wants what is retained. */
    retained: z.boolean(),
  }),
  z.looseObject({ type: z.literal('unsubscribe'), id: count }),
  z.looseObject({ type: z.literal('subscribed'), id: count }),
  z.looseObject({
    type: z.literal('refused'),
    /** Of a subscription. */
    id: z.optional(count),
    /** Of the first message of a publication. */
    seq: z.optional(count),
    code: z.string().check(z.maxLength(63)),
    message: z.string().check(z.maxLength(1_000)),
  }),
  z.looseObject({
    type: z.literal('publish'),
    jws,
    /** Whether subscribers confirm. */
    acks: z.boolean(),
    /** Groups a member of which has it already. */
    served: z.optional(groupNames),
  }),
  z.looseObject({
    type: z.literal('message'),
    jws,
    acks: z.boolean(),
    /** Whether it is for the subscriptions outside groups. */
    plain: z.boolean(),
    shares: z.optional(shares),
    /** For these subscriptions alone, as the last value. */
    retainedFor: z.optional(z.array(count).check(z.maxLength(topicLimits.subscriptions))),
  }),
  z.looseObject({
    type: z.literal('lost'),
    topic: topicNameField,
    count,
    plain: z.boolean(),
    groups: z.optional(groupNames),
  }),
  z.looseObject({
    type: z.literal('confirm'),
    publisher: peerIdField,
    epoch: millisField,
    /** Number of a message, and how many subscriptions confirm it. */
    counts: z.array(z.tuple([count, count])).check(z.maxLength(messages)),
  }),
  z.looseObject({
    type: z.literal('interest'),
    relay: peerIdField,
    /** Of the process, and of this statement: the highest counts. */
    epoch: millisField,
    seq: count,
    patterns: z.array(topicPatternField).check(z.maxLength(interests)),
    groups: z
      .array(z.looseObject({ pattern: topicPatternField, group: topicGroupField, members: count }))
      .check(z.maxLength(interests)),
  }),
  z.looseObject({
    type: z.literal('forward'),
    jws,
    acks: z.boolean(),
    hops: z.int().check(z.nonnegative(), z.maximum(topicLimits.hops)),
    /** Relays that it is for, each with its share of groups. */
    to: z
      .record(peerIdField, z.looseObject({ plain: z.boolean(), shares: z.optional(shares) }))
      .check(z.refine(all => Object.keys(all).length <= groups)),
  }),
  z.looseObject({
    type: z.literal('forward-lost'),
    topic: topicNameField,
    hops: z.int().check(z.nonnegative(), z.maximum(topicLimits.hops)),
    /** Messages that relays lack: those for subscriptions outside groups, and those for a member of each group. */
    to: z
      .record(peerIdField, z.looseObject({ plain: count, groups: z.optional(groupCounts) }))
      .check(z.refine(all => Object.keys(all).length <= groups)),
  }),
])
export type TopicFrame = z.output<typeof topicFrameSchema>
export type TopicFrameOf<Type extends TopicFrame['type']> = Extract<TopicFrame, { type: Type }>

const lengths = 8
const frameTypes: ReadonlySet<string> = new Set<TopicFrame['type']>([
  ...(['subscribe', 'unsubscribe', 'subscribed', 'refused', 'publish', 'message', 'lost'] as const),
  ...(['confirm', 'interest', 'forward', 'forward-lost'] as const),
])
const typeSchema = z.looseObject({ type: z.string().check(z.maxLength(63)) })

/** A frame as pieces: `bodies` is not copied. */
export function encodeTopicFrame(frame: TopicFrame, bodies?: Uint8Array): Uint8Array[] {
  const header = Buffer.from(JSON.stringify(frame))
  const head = Buffer.allocUnsafe(lengths + header.length)
  head.writeUInt32BE(4 + header.length + (bodies?.byteLength ?? 0))
  head.writeUInt32BE(header.length, 4)
  header.copy(head, lengths)
  return bodies === undefined ? [head] : [head, bodies]
}

/** Cuts a byte stream into frames, however it was split. Each frame gets memory of its own: its messages need not be copied again. */
export class TopicFrameReader {
  readonly #lengths = Buffer.alloc(lengths)
  /** The frame that is being read: its lengths, from then on all of it. */
  #frame = this.#lengths
  #filled = 0

  /** @returns the frames that are complete now @throws MeshError too_large, protocol_error */
  push(chunk: Uint8Array): { frame: TopicFrame; bodies: Uint8Array }[] {
    const bytes = asBuffer(chunk)
    const frames: { frame: TopicFrame; bodies: Uint8Array }[] = []
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(this.#frame, this.#filled, at)
      at += copied
      this.#filled += copied
      if (this.#filled < this.#frame.length) break
      const size = frameSize(this.#frame)
      if (size > this.#frame.length) {
        this.#frame = Buffer.allocUnsafeSlow(size)
        this.#lengths.copy(this.#frame)
        continue
      }
      const read = readFrame(this.#frame.subarray(4))
      if (read !== undefined) frames.push(read)
      this.#frame = this.#lengths
      this.#filled = 0
    }
    return frames
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Bytes of a frame, by its lengths. @throws MeshError too_large, protocol_error */
function frameSize(frame: Buffer): number {
  const length = frame.readUInt32BE()
  const header = frame.readUInt32BE(4)
  if (header > headerBytes || length > 4 + header + publicationBytes + messages)
    throw new MeshError('too_large', `Cannot read topic frame: ${length} bytes, header ${header}`)
  if (length < 4 + header)
    throw new MeshError('protocol_error', `Cannot read topic frame: ${length} bytes, header ${header}`)
  return 4 + length
}

function readFrame(bytes: Buffer): { frame: TopicFrame; bodies: Uint8Array } | undefined {
  const end = 4 + bytes.readUInt32BE()
  const text = bytes.toString('utf8', 4, end)
  const header = parseJson(typeSchema, text, 'read topic frame', 'protocol_error')
  if (!frameTypes.has(header.type)) return undefined
  return {
    frame: parse(topicFrameSchema, header, 'read topic frame', 'protocol_error'),
    bodies: bytes.subarray(end),
  }
}

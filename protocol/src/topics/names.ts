/** Names of topics, what a subscription may name, and the limits of what travels. Sizes in bytes unless said. */
import * as z from 'zod/mini'
import { MeshError } from '../errors.ts'
import { fieldForms } from '../field-forms.ts'
import { parse } from '../parse.ts'

export const topicProtocol = '/agent-mesh/topics/1.0.0'

export const topicLimits = {
  /** One message, encoded. */
  messageBytes: 64 * 1024,
  /** Messages of one publication, a count: they share a signature. */
  messages: 64,
  /** All messages of one publication. */
  publicationBytes: 256 * 1024,
  /** Its signed part: 64 sizes and trace contexts. */
  signedBytes: 12 * 1024,
  /** The JSON part of a frame: the signed part, and which member of which group handles which message. */
  headerBytes: 256 * 1024,
  /** Groups that one publication is shared among, and members of a group that one relay names, counts. */
  groups: 256,
  /** Patterns and groups that a relay names of the agents homed at it; with more patterns it asks for all topics. */
  interests: 1_024,
  /** Subscriptions of one agent, a count. */
  subscriptions: 256,
  /** A relay passes a publication on so often at most. */
  hops: 4,
} as const

const { topic, topicPattern, topicGroup } = fieldForms

/** `alerts.disk`; names that begin with `mesh.` are the project's own. */
export const topicNameField = z.string().check(z.regex(topic.pattern, { error: topic.not }))

/** A topic, or the beginning of topics with a `*` behind it. */
export const topicPatternField = z.string().check(z.regex(topicPattern.pattern, { error: topicPattern.not }))

/** Members that share the messages of a topic. */
export const topicGroupField = z.string().check(z.regex(topicGroup.pattern, { error: topicGroup.not }))

/** The project's own topics begin with it. */
const reserved = 'mesh.'

/** All of them. */
export const reservedTopics = `${reserved}*`

/** Dropped answers of caches, to all members that keep some. */
export const invalidationTopic = 'mesh.cache'

/** @throws MeshError invalid_argument, also for a name that is the project's own */
export function checkTopicName(topic: string, action: string): void {
  parse(topicNameField, topic, action)
  refuseReserved(topic, action)
}

/** What a program may subscribe to. @throws MeshError invalid_argument, also for names that are the project's own */
export function checkTopicPattern(pattern: string, action: string): void {
  parse(topicPatternField, pattern, action)
  refuseReserved(pattern, action)
}

function refuseReserved(name: string, action: string): void {
  if (!name.startsWith(reserved)) return
  throw new MeshError(
    'invalid_argument',
    `Cannot ${action}: names that begin with ${reserved} are reserved`,
    {
      hint: 'Choose another name.',
    },
  )
}

/** Whether a subscription to `wanted` is one to `topic`. Reserved topics are not among those that `*` or `m*` name. */
export const topicMatches = (wanted: string, topic: string): boolean =>
  wanted.endsWith('*')
    ? topic.startsWith(wanted.slice(0, -1)) && topic.startsWith(reserved) === wanted.startsWith(reserved)
    : wanted === topic

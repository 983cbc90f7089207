/**
 * Topics on the local socket. `POST /v1/publish` takes and answers JSON. `POST /v1/subscribe` takes a JSON request and answers lines of
 * JSON (`application/x-ndjson`):
 *
 *   process -> client   {"subscribed": true}      the first line: messages from now on follow
 *   process -> client   {"topic", "value"? | "bytes"?, "from", "at", "retained", "lost"}
 *   process -> client   {"error": {…}}            the last line: why the subscription failed, as problem details
 *
 * A client that does not read loses the oldest messages, as `lost` says. One that closes the connection ends the subscription; a reply
 * that ends without an error ends with its process.
 */
import * as z from 'zod/mini'
import { problemSchema } from './api/problem.ts'
import { localCallFields, localValueFields } from './local-api.ts'
import { topicGroupField, topicNameField, topicPatternField } from './topics/names.ts'

const count = z.int().check(z.nonnegative())

export const localPublishRequest = z.strictObject({
  topic: topicNameField,
  ...localValueFields,
  /** Keeps it for members that subscribe later. */
  retain: z.optional(z.boolean()),
  /** Waits until so many subscriptions took it, or for `timeoutMs`. */
  acks: z.optional(count),
  timeoutMs: localCallFields.timeoutMs,
})
export type LocalPublishRequest = z.output<typeof localPublishRequest>

export const localPublishReply = z.looseObject({
  /** Subscriptions that took the message; 0 when none was waited for. */
  acks: count,
})
export type LocalPublishReply = z.output<typeof localPublishReply>

export const localSubscribeRequest = z.strictObject({
  topic: topicPatternField,
  group: z.optional(topicGroupField),
  /** Whether the last value of topics comes first. */
  retained: z.optional(z.boolean()),
})
export type LocalSubscribeRequest = z.output<typeof localSubscribeRequest>

export const localTopicMessage = z.looseObject({
  ...localValueFields,
  topic: z.string(),
  /** The publisher. */
  from: z.looseObject({ peerId: z.string(), name: z.string() }),
  /** When it was published, by the publisher's clock, unix ms. */
  at: z.number(),
  retained: z.boolean(),
  /** Messages that were dropped right before it. */
  lost: count,
})
export type LocalTopicMessage = z.output<typeof localTopicMessage>

export const localTopicLine = z.union([
  localTopicMessage,
  z.looseObject({ subscribed: z.literal(true) }),
  z.looseObject({ error: problemSchema }),
])
/** Of a subscription that works. */
export type LocalTopicLine = LocalTopicMessage | { subscribed: true }

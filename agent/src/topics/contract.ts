import { checkTopicName } from '@agent-mesh/protocol'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { invalidArgument } from '../core/invalid-argument.ts'
import { namesOf, unknownName } from '../core/option-names.ts'
import { checkVersion } from '../services/contract/contract-version.ts'
import { isSchema, schemaHint } from '../services/contract/is-schema.ts'

/** A topic as publishers and subscribers know it. Schemas of any library that speaks Standard Schema. */
export interface TopicContract<Message extends StandardSchemaV1 = StandardSchemaV1> {
  /** `alerts.disk`: what the policy (`topic:alerts.disk`) knows it by. */
  readonly name: string
  /** From 1; a change that breaks subscribers takes the next number: messages of other versions do not reach them. @default 1 */
  readonly version?: number
  readonly message: Message
  /** Whether the last message is kept for members that subscribe later. @default false */
  readonly retain?: boolean
}

export type MessageOf<Topic> =
  Topic extends TopicContract<infer Message> ? StandardSchemaV1.InferOutput<Message> : unknown

export type PublishedOf<Topic> =
  Topic extends TopicContract<infer Message> ? StandardSchemaV1.InferInput<Message> : unknown

/** States a topic for those who publish and those who subscribe. @throws MeshError `invalid_argument` */
export function defineTopic<const Message extends StandardSchemaV1>(
  contract: TopicContract<Message>,
): TopicContract<Message> {
  checkTopic(contract, 'define a topic')
  return contract
}

/** Of a topic, or the topic itself. @throws MeshError `invalid_argument` for what is no contract @param action `publish` */
export function topicName(topic: unknown, action: string): string {
  if (typeof topic === 'string') return topic
  checkTopic(topic, action)
  return topic.name
}

const topicWords = namesOf<TopicContract>({ name: true, version: true, message: true, retain: true })

/** What a program without types passes as a topic. */
function checkTopic(topic: unknown, action: string): asserts topic is TopicContract {
  if (typeof topic !== 'object' || topic === null)
    throw invalidArgument(
      action,
      `its contract is ${shownValue(topic)}`,
      "Write defineTopic({ name: 'alerts.disk', message: schema }).",
    )
  const { name, version = 1, message, retain } = topic as Partial<Record<keyof TopicContract, unknown>>
  if (typeof name !== 'string') throw invalidArgument(action, `the name of the topic is ${shownValue(name)}`)
  const define = `define topic '${name}'`
  checkTopicName(name, define)
  const unknown = unknownName(topic, topicWords, '', 'words')
  if (unknown !== undefined)
    throw invalidArgument(define, `it has the unknown word '${unknown.name}'`, unknown.hint)
  checkVersion(version, define)
  if (message === undefined) throw invalidArgument(define, 'it has no message', schemaHint)
  if (!isSchema(message)) throw invalidArgument(define, `its message is ${shownValue(message)}`, schemaHint)
  if (retain !== undefined && typeof retain !== 'boolean')
    throw invalidArgument(define, `retain is ${shownValue(retain)}, not true or false`)
}

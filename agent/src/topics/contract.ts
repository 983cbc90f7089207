import { checkTopicName, MeshError } from '@agent-mesh/protocol'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { unknownName } from '../core/option-names.ts'
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

const topicWords = Object.keys({ name: true, version: true, message: true, retain: true } satisfies Record<
  keyof TopicContract,
  true
>)

/** What a program without types passes as a topic. */
function checkTopic(topic: unknown, action: string): asserts topic is TopicContract {
  if (typeof topic !== 'object' || topic === null)
    throw new MeshError('invalid_argument', `Cannot ${action}: its contract is ${shownValue(topic)}`, {
      hint: "Write defineTopic({ name: 'alerts.disk', message: schema }).",
    })
  const { name, version = 1, message, retain } = topic as Partial<Record<keyof TopicContract, unknown>>
  if (typeof name !== 'string')
    throw new MeshError('invalid_argument', `Cannot ${action}: the name of the topic is ${shownValue(name)}`)
  checkTopicName(name, `define topic '${name}'`)
  const refuse = (reason: string, hint?: string): never => {
    const told = hint === undefined ? {} : { hint }
    throw new MeshError('invalid_argument', `Cannot define topic '${name}': ${reason}`, told)
  }
  const unknown = unknownName(topic, topicWords, '', 'words')
  if (unknown !== undefined) refuse(`it has the unknown word '${unknown.name}'`, unknown.hint)
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1 || version > 999_999)
    refuse(`its version is ${shownValue(version)}, not 1 to 999999`)
  if (message === undefined) refuse('it has no message', schemaHint)
  if (!isSchema(message)) refuse(`its message is ${shownValue(message)}`, schemaHint)
  if (retain !== undefined && typeof retain !== 'boolean')
    refuse(`retain is ${shownValue(retain)}, not true or false`)
}

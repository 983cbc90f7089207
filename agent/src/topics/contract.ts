import { checkTopicName, MeshError } from '@agent-mesh/protocol'
import type { StandardSchemaV1 } from '@standard-schema/spec'

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
  const { name, version = 1 } = contract
  checkTopicName(name, `define topic '${name}'`)
  if (!Number.isInteger(version) || version < 1 || version > 999_999)
    throw new MeshError(
      'invalid_argument',
      `Cannot define topic '${name}': its version is ${version}, not 1 to 999999`,
    )
  return contract
}

import { parse, topicNameField, topicPatternField } from '@agent-mesh/protocol'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { TopicContract } from './contract.ts'

/** What a subscription is to: topics, and the contract of their messages. */
export interface TopicPattern {
  readonly pattern: string
  readonly version: number | undefined
  readonly schema: StandardSchemaV1 | undefined
}

/** @throws MeshError invalid_argument */
export function patternOf(topic: string | TopicContract): TopicPattern {
  if (typeof topic !== 'string') {
    parse(topicNameField, topic.name, `subscribe to '${topic.name}'`)
    return { pattern: topic.name, version: topic.version ?? 1, schema: topic.message }
  }
  parse(topicPatternField, topic, `subscribe to '${topic}'`)
  // No topic ends so, and none would ever come: only with a * behind it is it the beginning of some.
  if (!topic.endsWith('*')) parse(topicNameField, topic, `subscribe to '${topic}'`)
  return { pattern: topic, version: undefined, schema: undefined }
}

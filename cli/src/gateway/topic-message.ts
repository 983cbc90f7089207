import type { TopicMessage } from '@agent-mesh/agent'
import type { LocalTopicMessage } from '@agent-mesh/protocol/local-topics'
import { localValue } from '@agent-mesh/protocol/local-value'

/** A message of a subscription as programs get it, in JSON. */
export const topicMessage = ({
  topic,
  value,
  from,
  at,
  retained,
  lost,
}: TopicMessage): LocalTopicMessage => ({
  ...{ topic, at, retained, lost },
  from: { ...from },
  ...localValue(value),
})

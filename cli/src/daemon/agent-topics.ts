import type { Agent } from '@agent-mesh/agent'
import type {
  LocalPublishReply,
  LocalPublishRequest,
  LocalSubscribeRequest,
  LocalTopicLine,
} from '@agent-mesh/protocol/local-topics'
import { localValue, valueOfLocal } from '@agent-mesh/protocol/local-value'

/** @throws MeshError as {@link Agent.publish} */
export async function publishMessage(
  agent: Agent,
  { topic, value, bytes, retain, acks, timeoutMs: timeout }: LocalPublishRequest,
): Promise<LocalPublishReply> {
  const published = await agent.publish(topic, valueOfLocal({ value, bytes }), {
    ...(retain !== undefined && { retain }),
    ...(acks !== undefined && { acks }),
    ...(timeout !== undefined && { timeout }),
  })
  return { acks: published.acks }
}

/** That the agent has subscribed, then the messages, until `signal` aborts or the agent stops. @throws MeshError */
export async function* agentMessages(
  agent: Agent,
  { topic: pattern, group, retained: wantsRetained }: LocalSubscribeRequest,
  signal: AbortSignal,
): AsyncGenerator<LocalTopicLine, void, undefined> {
  const subscription = await agent.subscribe(pattern, {
    ...(group !== undefined && { group }),
    ...(wantsRetained !== undefined && { retained: wantsRetained }),
    signal,
  })
  yield { subscribed: true }
  for await (const { topic, value, from, at, retained, lost } of subscription)
    yield { topic, from: { ...from }, at, retained, lost, ...localValue(value) }
}

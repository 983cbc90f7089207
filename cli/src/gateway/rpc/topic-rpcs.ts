/** `Publish` and `Subscribe` of `agentmesh.v1.Mesh`. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { parse } from '@agent-mesh/protocol/parse'
import { topicGroupField, topicNameField, topicPatternField } from '@agent-mesh/protocol/topics/names'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { HandlerContext } from '@connectrpc/connect'
import * as z from 'zod/mini'

import { checkScope, noteTopicDenial, type GatewayAgent } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import type {
  PublishRequest,
  PublishResponseSchema,
  SubscribeRequest,
  TopicMessageSchema,
} from './gen/agentmesh/v1/mesh_pb.ts'
import { payloadOf, valueOfPayload } from './payload.ts'
import { callerIn, timeoutIn } from './rpc-caller.ts'

const published = z.object({
  topic: topicNameField,
  retain: z.optional(z.boolean()),
  acks: z.optional(z.int().check(z.maximum(999_999))),
})
const subscribed = z.object({
  topic: topicPatternField,
  group: z.optional(topicGroupField),
  retained: z.optional(z.boolean()),
})

export async function publish(
  agent: GatewayAgent,
  request: PublishRequest,
  context: HandlerContext,
): Promise<MessageInitShape<typeof PublishResponseSchema>> {
  const caller = callerIn(context)
  const { topic, retain, acks } = parse(published, request, 'publish')
  const asked = { action: 'publish', to: `topic:${topic}` } as const
  checkScope(agent, caller, asked.action, asked.to)
  const value = valueOfPayload(request.message, `publish to ${topic}`, 'message')
  if (value === undefined)
    throw new MeshError('invalid_argument', `Cannot publish to ${topic}: the message has no value`)
  try {
    return await agent.publish(topic, value, {
      ...(retain !== undefined && { retain }),
      ...(acks !== undefined && { acks }),
      ...timeoutIn(context),
    })
  } catch (thrown) {
    noteTopicDenial(agent, caller, asked, thrown)
    throw thrown
  }
}

/** A client that does not read loses the oldest messages. */
export async function* subscribe(
  agent: GatewayAgent,
  request: SubscribeRequest,
  context: HandlerContext,
): AsyncGenerator<MessageInitShape<typeof TopicMessageSchema>, void, undefined> {
  const caller = callerIn(context)
  const { topic: pattern, group, retained } = parse(subscribed, request, 'subscribe')
  const asked = { action: 'subscribe', to: `topic:${pattern}` } as const
  checkScope(agent, caller, asked.action, asked.to)
  const options = {
    ...(group !== undefined && { group }),
    ...(retained !== undefined && { retained }),
    buffer: gatewayDefaults.waitingMessages,
    signal: context.signal,
  }
  const subscription = await agent.subscribe(pattern, options).catch((thrown: unknown) => {
    noteTopicDenial(agent, caller, asked, thrown)
    throw thrown
  })
  for await (const { topic, value, from, at, retained, lost } of subscription) {
    caller.mustHold()
    const { peerId, name } = from
    const message = payloadOf(value)
    yield { topic, message, peerId, name, at: timestampFromMs(at), retained, lost: BigInt(lost) }
  }
  // Its deadline has passed, or the agent stops: no client shall take that for the end of the topic.
  context.signal.throwIfAborted()
  throw new MeshError('going_away', `Cannot stay subscribed to ${pattern}: the agent stops`)
}

/**
 * `POST /v1/topics/{topic}` publishes the body; `GET /v1/topics/{topic}` subscribes, to `alerts.*` for all that begin so. The answer has
 * a line or an event for each message, with what was lost before it for want of a reader.
 */
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { fieldForms } from '@agent-mesh/protocol/field-forms'

import { json, type HandledReply, type HandledRequest } from '../local/handler-server.ts'
import { paramsOf } from './call-route.ts'
import { checkScope, noteTopicDenial, type GatewayAgent, type GatewayCaller } from './caller.ts'
import { gatewayDefaults } from './defaults.ts'
import { lineReply, type Line } from './line-reply.ts'
import { milliseconds, notA, requestOptions, truth } from './request-options.ts'
import { topicMessage } from './topic-message.ts'

export const topicsPath = '/v1/topics/'

/** @throws MeshError not_found */
function topicIn({ method, path }: HandledRequest): string {
  const { pattern, not } = method === 'POST' ? fieldForms.topic : fieldForms.topicPattern
  const text = decoded(path.slice(topicsPath.length))
  if (text !== undefined && pattern.test(text)) return text
  throw new MeshError('not_found', `Cannot serve ${method} ${path.slice(0, 200)}: it ${not}`)
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** @throws MeshError what publishing does */
export async function publishReply(
  agent: GatewayAgent,
  caller: GatewayCaller,
  request: HandledRequest,
): Promise<HandledReply> {
  const topic = topicIn(request)
  const asked = { action: 'publish', to: `topic:${topic}` } as const
  checkScope(agent, caller, asked.action, asked.to)
  const action = `publish to ${topic}`
  const { retain, acks, timeout } = requestOptions(request, { retain: 5, acks: 6, timeout: 32 }, action)
  const options = {
    ...(retain !== undefined && { retain: truth(retain, action, 'retain') }),
    ...(acks !== undefined && { acks: count(acks, action) }),
    ...(timeout !== undefined && { timeout: milliseconds(timeout, action) }),
  }
  const value = await paramsOf(request, action)
  if (value === undefined) throw new MeshError('invalid_argument', `Cannot ${action}: the body is empty`)
  try {
    return json(await agent.publish(topic, value, options))
  } catch (thrown) {
    noteTopicDenial(agent, caller, asked, thrown)
    throw thrown
  }
}

function count(text: string, action: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw notA(action, 'acks', text, 'Write a count.')
}

/** @throws MeshError what subscribing does; what fails later is the last line */
export async function subscribeReply(
  agent: GatewayAgent,
  caller: GatewayCaller,
  request: HandledRequest,
): Promise<HandledReply> {
  const topic = topicIn(request)
  const asked = { action: 'subscribe', to: `topic:${topic}` } as const
  checkScope(agent, caller, asked.action, asked.to)
  const action = `subscribe to ${topic}`
  const { group, retained } = requestOptions(request, { group: 63, retained: 5 }, action)
  const options = {
    ...(group !== undefined && { group }),
    ...(retained !== undefined && { retained: truth(retained, action, 'retained') }),
    buffer: gatewayDefaults.waitingMessages,
    signal: request.signal,
  }
  try {
    return lineReply(request, linesOf(await agent.subscribe(topic, options), caller, action))
  } catch (thrown) {
    noteTopicDenial(agent, caller, asked, thrown)
    throw thrown
  }
}

type Subscription = Awaited<ReturnType<GatewayAgent['subscribe']>>

async function* linesOf(
  subscription: Subscription,
  caller: GatewayCaller,
  action: string,
): AsyncGenerator<Line, void, undefined> {
  try {
    for await (const message of subscription) {
      caller.mustHold()
      yield ['message', topicMessage(message)]
    }
    yield ['end', {}]
  } catch (thrown) {
    const error = toMeshError(thrown, 'internal', action)
    yield ['error', { ...problemOf(error), retryable: error.retriable }]
  }
}

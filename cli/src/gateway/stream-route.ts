/**
 * `POST /v1/stream/{service}/{method}`: messages both ways. The body is the params as JSON, or lines of JSON: the params, then a message
 * for the handler each. The answer is lines of JSON, or server-sent events for a client that accepts them. A client that does not read
 * holds the handler back; one that closes the connection cancels it.
 */
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { toMeshError } from '@agent-mesh/protocol/errors'
import { localMessage } from '@agent-mesh/protocol/local-stream'
import { localValue, valueOfLocal } from '@agent-mesh/protocol/local-value'
import * as z from 'zod/mini'

import type { HandledReply, HandledRequest } from '../local/handler-server.ts'
import { parseExact } from '../local/parse-exact.ts'
import { linesType, mediaType } from './admission.ts'
import { inBodyTime } from './body-time.ts'
import { methodIn, paramsOf } from './call-route.ts'
import { callSettings } from './call-settings.ts'
import { checkScope, noteDenial, type GatewayAgent, type GatewayCaller } from './caller.ts'
import { lineReply, type Line } from './line-reply.ts'

/** @throws MeshError for a request that cannot be read; what fails later is the last line */
export async function streamReply(
  agent: GatewayAgent,
  caller: GatewayCaller,
  request: HandledRequest,
): Promise<HandledReply> {
  const { method, to } = methodIn(request.path)
  checkScope(agent, caller, 'call', to)
  const { idempotent: _, ...settings } = callSettings(request)
  const { params, input } = await sentWith(request, method, caller)
  const stream = agent.stream(method, params, {
    ...settings,
    ...(input !== undefined && { input }),
    ...{ app: caller.app, signal: request.signal },
  })
  const failed = (thrown: unknown) => noteDenial(agent, caller, { action: 'call', to }, thrown)
  return lineReply(request, linesOf(stream, caller, failed))
}

async function sentWith(
  request: HandledRequest,
  method: string,
  caller: GatewayCaller,
): Promise<{ params: unknown; input?: AsyncIterable<unknown> }> {
  if (mediaType(request.headers) !== linesType) return { params: await paramsOf(request, `call ${method}`) }
  const lines = request.lines()
  const { value: first } = await inBodyTime(lines.next(), `call ${method}`)
  const params = parseExact(z.unknown(), first ?? 'null', `call ${method}`, 'params')
  return { params, input: messagesOf(lines, method, caller) }
}

async function* messagesOf(lines: AsyncIterable<string>, method: string, caller: GatewayCaller) {
  for await (const line of lines) {
    caller.mustHold()
    yield valueOfLocal(parseExact(localMessage, line, `send a message to ${method}`, 'message'))
  }
}

async function* linesOf(
  stream: ReturnType<GatewayAgent['stream']>,
  caller: GatewayCaller,
  failed: (thrown: unknown) => void,
): AsyncGenerator<Line, void, undefined> {
  try {
    for await (const message of stream) {
      caller.mustHold()
      yield ['message', localValue(message)]
    }
    const result = await stream.result
    caller.mustHold()
    yield ['end', localValue(result)]
  } catch (thrown) {
    failed(thrown)
    const error = toMeshError(thrown, 'internal', 'read the stream')
    yield ['error', { ...problemOf(error), retryable: error.retriable }]
  }
}

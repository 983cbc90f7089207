/** `Call`, `Stream` and `Receive` of `agentmesh.v1.Mesh`. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { localCallFields } from '@agent-mesh/protocol/local-api'
import { parse } from '@agent-mesh/protocol/parse'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import * as z from 'zod/mini'

import { inBodyTime } from '../body-time.ts'
import { checkScope, noteDenial, type GatewayAgent, type GatewayCaller } from '../caller.ts'
import { targetOfMethod } from '../method-target.ts'
import type {
  CallRequest,
  CallResponseSchema,
  ReceiveRequest,
  StreamRequest,
  StreamResponseSchema,
} from './gen/agentmesh/v1/mesh_pb.ts'
import { payloadOf, valueOfPayload } from './payload.ts'
import { callerIn, timeoutIn } from './rpc-caller.ts'

type CallResponse = MessageInitShape<typeof CallResponseSchema>
type StreamResponse = MessageInitShape<typeof StreamResponseSchema>

const { method, peer } = localCallFields
const called = z.object({
  ...{ method, peer },
  key: z.optional(z.string().check(z.minLength(1), z.maxLength(1_024))),
})

/** What a request names, within the scope of its token. @throws MeshError invalid_argument, permission_denied */
function wantedBy(agent: GatewayAgent, context: HandlerContext, request: CallRequest | ReceiveRequest) {
  const caller = callerIn(context)
  const { method, ...named } = parse(called, request, 'call')
  const to = targetOfMethod(method)
  checkScope(agent, caller, 'call', to)
  const params = valueOfPayload(request.params, `call ${method}`, 'params')
  const options = { ...named, ...timeoutIn(context), app: caller.app, signal: context.signal }
  return { caller, method, to, params, options }
}

export async function call(
  agent: GatewayAgent,
  request: CallRequest,
  context: HandlerContext,
): Promise<CallResponse> {
  const { caller, method, to, params, options } = wantedBy(agent, context, request)
  const { idempotent } = request
  const { value, peerId, name, path } = await agent
    .ask(method, params, { ...options, ...(idempotent !== undefined && { idempotent }) })
    .catch((thrown: unknown) => {
      noteDenial(agent, caller, { action: 'call', to }, thrown)
      throw thrown
    })
  return {
    ...{ result: payloadOf(value), peerId },
    ...(name !== undefined && { name }),
    ...(path !== undefined && { path }),
  }
}

/** Messages both ways. A client that does not read holds the handler back, and the handler a client that sends. */
export async function* stream(
  agent: GatewayAgent,
  requests: AsyncIterable<StreamRequest>,
  context: HandlerContext,
): AsyncGenerator<StreamResponse, void, undefined> {
  const parts = requests[Symbol.asyncIterator]()
  const { value: first } = (await inBodyTime(parts.next(), 'open the stream')) as { value?: StreamRequest }
  if (first?.part.case !== 'open')
    throw new MeshError('invalid_argument', 'Cannot open the stream: its first message is not "open"')
  const opened = first.part.value
  const rest = { [Symbol.asyncIterator]: () => parts }
  let unreadable: unknown
  const input = messagesOf(rest, opened.method, callerIn(context), reason => (unreadable = reason))
  try {
    yield* received(agent, opened, context, input)
  } catch (thrown) {
    // What is wrong with a message, not what the stream makes of that.
    throw unreadable ?? thrown
  }
}

async function* messagesOf(
  parts: AsyncIterable<StreamRequest>,
  method: string,
  caller: GatewayCaller,
  failed: (reason: unknown) => void,
) {
  const action = `send a message to ${method}`
  try {
    for await (const { part } of parts) {
      caller.mustHold()
      if (part.case !== 'message')
        throw new MeshError(
          'invalid_argument',
          `Cannot ${action}: it is ${part.case ?? 'empty'}, not "message"`,
        )
      yield valueOfPayload(part.value, action, 'message')
    }
  } catch (thrown) {
    failed(thrown)
    throw thrown
  }
}

/** @param input messages for the handler */
export async function* received(
  agent: GatewayAgent,
  request: ReceiveRequest,
  context: HandlerContext,
  input?: AsyncIterable<unknown>,
): AsyncGenerator<StreamResponse, void, undefined> {
  const { caller, method, to, params, options } = wantedBy(agent, context, request)
  const stream = agent.stream(method, params, { ...options, ...(input !== undefined && { input }) })
  try {
    for await (const message of stream) {
      caller.mustHold()
      yield { part: { case: 'message', value: payloadOf(message) } }
    }
    const result = payloadOf(await stream.result)
    caller.mustHold()
    const { peerId } = stream
    yield { part: { case: 'end', value: { result, ...(peerId !== undefined && { peerId }) } } }
  } catch (thrown) {
    noteDenial(agent, caller, { action: 'call', to }, thrown)
    throw thrown
  }
}

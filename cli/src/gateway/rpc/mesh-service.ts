import type { Logger } from '@agent-mesh/agent/observe/logger'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { Code, ConnectError, type Interceptor, type ServiceImpl } from '@connectrpc/connect'

import type { GatewayAgent } from '../caller.ts'
import { descriptions } from '../descriptions.ts'
import { failureId, logFailure } from '../failures.ts'
import { call, received, stream } from './call-rpcs.ts'
import { connectErrorOf } from './connect-errors.ts'
import type { Mesh } from './gen/agentmesh/v1/mesh_pb.ts'
import { callerIn, callerKey } from './rpc-caller.ts'
import { publish, subscribe } from './topic-rpcs.ts'

/** `agentmesh.v1.Mesh`: the routes of the gateway as RPCs. They throw what the agent does. */
export const meshService = (agent: GatewayAgent): ServiceImpl<typeof Mesh> => ({
  call: (request, context) => call(agent, request, context),
  stream: (requests, context) => stream(agent, requests, context),
  receive: (request, context) => received(agent, request, context),
  publish: (request, context) => publish(agent, request, context),
  subscribe: (request, context) => subscribe(agent, request, context),
  describe: async (_, context) => ({
    json: JSON.stringify(await descriptions(agent, callerIn(context), context.signal)),
  }),
})

/** Errors as clients know them, of calls and of streams that have begun; the log has them under the id that the client has. */
export const typedErrors =
  (log: Pick<Logger, 'info'>): Interceptor =>
  next =>
  async request => {
    const path = `/${request.service.typeName}/${request.method.name}`
    const failed = (thrown: unknown): ConnectError => {
      const caller = request.contextValues.get(callerKey)
      const reason = reasonOf(thrown, request.signal, `serve ${path}`)
      if (reason instanceof ConnectError) return reason
      const { code } = toMeshError(reason, 'internal', `serve ${path}`)
      const id = failureId()
      if (!(caller instanceof MeshError) && caller.app !== undefined)
        logFailure(log, { app: caller.app, path, id, code })
      return connectErrorOf(reason, `serve ${path}`, id)
    }
    try {
      const reply = await next(request)
      return reply.stream ? { ...reply, message: failing(reply.message, failed) } : reply
    } catch (thrown) {
      throw failed(thrown)
    }
  }

/** The end of an RPC, by its client or its deadline, cancels what it waits for. */
function reasonOf(thrown: unknown, { aborted, reason }: AbortSignal, action: string): unknown {
  const isCancelled = thrown instanceof MeshError ? thrown.code === 'cancelled' : true
  if (!aborted || !isCancelled) return thrown
  if (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded)
    return new MeshError('deadline_exceeded', `Cannot ${action}: its time ran out`)
  return reason
}

async function* failing<T>(messages: AsyncIterable<T>, failed: (thrown: unknown) => ConnectError) {
  try {
    yield* messages
  } catch (thrown) {
    throw failed(thrown)
  }
}

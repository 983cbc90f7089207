/** The service `agentmesh.v1.Mesh` behind the checks of every request of the gateway. */
import { GatheredBytes } from '@agent-mesh/agent/gateway/gathered-bytes'
import type { Logger } from '@agent-mesh/agent/observe/logger'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { createContextValues } from '@connectrpc/connect'

import { endRefused } from '../../local/after-reply.ts'
import { authenticate, hostsOf, type AdmissionInit } from '../admission.ts'
import { inBodyTime } from '../body-time.ts'
import { callerOf, type GatewayAgent, type GatewayCaller } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import type { RunningRequests } from '../running-requests.ts'
import { connectAnswer, type Asked, type ConnectInit } from './connect-answer.ts'
import { connectErrorOf } from './connect-errors.ts'
import { Mesh } from './gen/agentmesh/v1/mesh_pb.ts'
import { meshService, typedErrors } from './mesh-service.ts'
import { endConnection } from './refused-connection.ts'
import { callerIn, callerKey } from './rpc-caller.ts'
import type { RpcAnswer } from './serve-rpc.ts'
import { capDeadline } from './deadline.ts'
import { prefixBytes } from './whole-messages.ts'

export interface MeshRpcInit extends Pick<AdmissionInit, 'tokens'> {
  readonly agent: GatewayAgent
  readonly log: Pick<Logger, 'info'>
  readonly running: RunningRequests
  /** Of the gateway itself. */
  readonly url: string
}

export function meshRpc({ agent, log, tokens, running, url }: MeshRpcInit): RpcAnswer {
  const { bodyBytes, rpcTimeoutMs } = gatewayDefaults
  const admission = { tokens, hosts: hostsOf(url) }
  const answer = connectAnswer({
    routes: router => void router.service(Mesh, meshService(agent)),
    body: bodyInTime,
    interceptors: [typedErrors(log)],
    readMaxBytes: bodyBytes,
    maxTimeoutMs: rpcTimeoutMs,
    // Between processes of one machine it takes more time than it saves.
    compressMinBytes: 0xffff_ffff,
    // Before a byte of the body is read.
    requestGate: ({ values }) => {
      try {
        callerIn({ values })
      } catch (thrown) {
        throw connectErrorOf(thrown, 'serve the request')
      }
    },
  })
  return async (request, response, awaited) => {
    const values = createContextValues()
    const asked = { request, response, values, ...(awaited !== undefined && { awaited }) }
    const caller = admitted(asked, admission, running)
    values.set(callerKey, caller)
    capDeadline(request.headers, rpcTimeoutMs)
    if (caller instanceof MeshError) await endConnection(asked)
    return answer(asked)
  }
}

/** The program that asks, or why it is refused. */
function admitted(
  asked: Asked,
  admission: AdmissionInit,
  running: RunningRequests,
): GatewayCaller | MeshError {
  const { request, response } = asked
  const known = authenticate(admission, request.headers)
  if ('refusal' in known) {
    if ('stream' in response) endRefused(response.stream)
    return known.refusal.error
  }
  try {
    response.once('close', running.start(known.token))
    return callerOf(known.token, () => known.mustHold())
  } catch (thrown) {
    return toMeshError(thrown, 'internal', 'serve the request')
  }
}

/** One message is read whole, within the time and the size of a body; messages of a stream may come for days. */
const bodyInTime: NonNullable<ConnectInit['body']> = async function* (
  chunks,
  { awaited, ...asked },
  { method },
) {
  awaited?.()
  if (method.methodKind === 'bidi_streaming') return yield* chunks
  const action = `serve ${method.name}`
  try {
    yield await inBodyTime(whole(chunks, action), action)
  } catch (thrown) {
    // The rest of a late one is not waited for, either.
    const isLate = thrown instanceof MeshError && thrown.code === 'deadline_exceeded'
    await endConnection({ ...asked, ...(isLate && { awaited: () => undefined }) })
    throw connectErrorOf(thrown, action)
  }
}

async function whole(chunks: AsyncIterable<Uint8Array>, action: string): Promise<Uint8Array> {
  const gathered = new GatheredBytes()
  const most = gatewayDefaults.bodyBytes + prefixBytes
  for await (const chunk of chunks) {
    if (gathered.length + chunk.length > most)
      throw new MeshError('too_large', `Cannot ${action}: the request is over ${most} bytes`)
    gathered.add(chunk)
  }
  return gathered.bytes()
}

/** The routes of the gateway, behind its door for programs with tokens, or behind the local socket for the owner. */
import { randomBytes } from 'node:crypto'

import type { Logger } from '@agent-mesh/agent/observe/logger'
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import {
  json,
  routed,
  type HandledReply,
  type HandledRequest,
  type Handler,
} from '../local/handler-server.ts'
import { admit, hostsOf, type AdmissionInit, type Refusal } from './admission.ts'
import { callReply } from './call-route.ts'
import { callerOf, owner, type GatewayAgent, type GatewayCaller } from './caller.ts'
import { gatewayDefaults } from './defaults.ts'
import { descriptions } from './descriptions.ts'
import { openApi } from './openapi.ts'
import { streamReply } from './stream-route.ts'

/** For the owner of the agent, who needs no token. */
export const ownersApp =
  (agent: GatewayAgent): Handler =>
  request =>
    answered(request, () => appOf(agent, owner)(request))

export interface GatewayAppInit extends Pick<AdmissionInit, 'tokens'> {
  readonly agent: GatewayAgent
  readonly log: Pick<Logger, 'info'>
  /** Of the gateway itself. */
  readonly url: string
}

export function gatewayApp({ agent, log, url, tokens }: GatewayAppInit): Handler {
  const admission = { tokens, hosts: hostsOf(url) }
  /** Requests in flight, by the id of their token. */
  const running = new Map<string, number>()
  return request => {
    const admitted = admit(admission, request)
    if ('refusal' in admitted) return closing(problemReply(admitted.refusal))
    const { id, app, scope } = admitted.token
    if ((running.get(id) ?? 0) >= gatewayDefaults.requestsOfToken) return closing(problemReply(tooMany(app)))
    countWhileOpen(running, id, request.signal)
    const caller = callerOf({ app, scope }, () => admitted.mustHold())
    return answered(
      request,
      () => appOf(agent, caller, url)(request),
      problem => log.info({ app, path: request.path, ...problem }, 'a request of a program failed'),
    )
  }
}

/** The signal aborts when the answer has been sent, too. */
function countWhileOpen(running: Map<string, number>, id: string, signal: AbortSignal): void {
  running.set(id, (running.get(id) ?? 0) + 1)
  const ended = () => {
    const left = running.get(id)! - 1
    if (left === 0) running.delete(id)
    else running.set(id, left)
  }
  signal.addEventListener('abort', ended, { once: true })
}

function appOf(agent: GatewayAgent, caller: GatewayCaller, url?: string): Handler {
  const described = (signal: AbortSignal) => descriptions(agent, caller, signal)
  const fixed = routed({
    'GET /v1/describe': async ({ signal }) => json(await described(signal)),
    'GET /v1/openapi.json': async ({ signal }) => json(openApi(await described(signal), url)),
  })
  return request => {
    const { method, path } = request
    if (method === 'POST' && path.startsWith('/v1/call/')) return callReply(agent, caller, request)
    if (method === 'POST' && path.startsWith('/v1/stream/')) return streamReply(agent, caller, request)
    return fixed(request)
  }
}

async function answered(
  { method, path }: HandledRequest,
  answer: () => HandledReply | Promise<HandledReply>,
  failed: (problem: { id: string; code: string }) => void = () => {},
): Promise<HandledReply> {
  try {
    return await answer()
  } catch (thrown) {
    const error = toMeshError(thrown, 'internal', `serve ${method} ${path}`)
    return problemReply({ error, status: error.status }, failed)
  }
}

function problemReply(
  { error, status }: Refusal,
  told: (problem: { id: string; code: string }) => void = () => {},
): HandledReply {
  const id = randomBytes(6).toString('hex')
  const { code, retriable: retryable } = error
  told({ id, code })
  return {
    ...json({ ...problemOf(error), status, retryable, id }, status),
    type: 'application/problem+json',
    headers: {
      'mesh-request': id,
      ...(retryable && { 'retry-after': '1' }),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    },
  }
}

/** What is refused gives its connection free for others at once. */
const closing = (reply: HandledReply): HandledReply => ({
  ...reply,
  headers: { ...reply.headers, connection: 'close' },
})

function tooMany(app: string): Refusal {
  const error = new MeshError(
    'rate_limited',
    `Cannot serve the request: ${app} has ${gatewayDefaults.requestsOfToken} in flight`,
    { hint: 'Wait for one of them to end.' },
  )
  return { error, status: error.status }
}

/** The routes of the gateway, behind its door for programs with tokens, or behind the local socket for the owner. */
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
import { browsersReply, isAboutBrowsers, type Browsers } from './browser/browser-routes.ts'
import { callerOf, owner, ownersBrowser, type GatewayAgent, type GatewayCaller } from './caller.ts'
import { descriptions } from './descriptions.ts'
import { failureId, logFailure } from './failures.ts'
import type { GatewayToken } from './gateway-tokens.ts'
import type { HttpMeshServer } from '../mcp/http-mesh-server.ts'
import { openApi, type Served } from './openapi.ts'
import type { RunningRequests } from './running-requests.ts'
import { streamReply } from './stream-route.ts'
import { publishReply, subscribeReply, topicsPath } from './topic-routes.ts'

/** For the owner of the agent, who needs no token. @param browsers of the gateway, where one runs */
export const ownersApp =
  (agent: GatewayAgent, browsers?: Browsers): Handler =>
  request =>
    answered(request, () =>
      browsers !== undefined && isAboutBrowsers(request)
        ? browsersReply(agent, browsers, ownersBrowser, request)
        : appOf(agent, owner, { url: undefined, browsers: browsers !== undefined })(request),
    )

export interface GatewayAppInit extends Pick<AdmissionInit, 'tokens'> {
  readonly agent: GatewayAgent
  readonly log: Pick<Logger, 'info'>
  readonly running: RunningRequests
  readonly browsers: Browsers
  /** Of the gateway itself. */
  readonly url: string
}

export function gatewayApp({ agent, log, url, tokens, running, browsers }: GatewayAppInit): Handler {
  const admission = { tokens, hosts: hostsOf(url) }
  const mcp = mcpOf(agent)
  return request => {
    const admitted = admit(admission, request)
    if ('refusal' in admitted) return closing(problemReply(admitted.refusal))
    const { app } = admitted.token
    try {
      // The signal aborts when the answer has been sent, too.
      request.signal.addEventListener('abort', running.start(admitted.token), { once: true })
    } catch (thrown) {
      const error = thrown as MeshError
      return closing(problemReply({ error, status: error.status }))
    }
    const caller = callerOf(admitted.token, () => admitted.mustHold())
    return answered(
      request,
      () => {
        if (request.path === mcpPath) return mcp(admitted.token, caller, request)
        if (isAboutBrowsers(request)) return browsersReply(agent, browsers, caller, request)
        return appOf(agent, caller, { url, browsers: true })(request)
      },
      problem => logFailure(log, { app, path: request.path, ...problem }),
    )
  }
}

const mcpPath = '/mcp'

/** Loaded at the first request: it takes 18 MB. */
function mcpOf(agent: GatewayAgent) {
  let server: Promise<HttpMeshServer> | undefined
  return async (
    token: GatewayToken,
    caller: GatewayCaller,
    request: HandledRequest,
  ): Promise<HandledReply> => {
    server ??= import('../mcp/http-mesh-server.ts').then(({ HttpMeshServer }) => new HttpMeshServer(agent))
    return (await server).reply(token, caller, request)
  }
}

function appOf(agent: GatewayAgent, caller: GatewayCaller, served: Served): Handler {
  const described = (signal: AbortSignal) => descriptions(agent, caller, signal)
  const fixed = routed({
    'GET /v1/describe': async ({ signal }) => json(await described(signal)),
    'GET /v1/openapi.json': async ({ signal }) => json(openApi(await described(signal), caller, served)),
  })
  return request => {
    const { method, path } = request
    if (method === 'POST' && path.startsWith('/v1/call/')) return callReply(agent, caller, request)
    if (method === 'POST' && path.startsWith('/v1/stream/')) return streamReply(agent, caller, request)
    if (method === 'POST' && path.startsWith(topicsPath)) return publishReply(agent, caller, request)
    if (method === 'GET' && path.startsWith(topicsPath)) return subscribeReply(agent, caller, request)
    const allow = allowedMethods(path)
    return allow === undefined ? fixed(request) : otherMethod(request, allow)
  }
}

/** Of the paths that name a method or a topic, as `Allow` has them. */
function allowedMethods(path: string): string | undefined {
  if (path.startsWith(topicsPath)) return 'GET, HEAD, POST'
  return ['/v1/call/', '/v1/stream/'].some(start => path.startsWith(start)) ? 'POST' : undefined
}

function otherMethod({ method, path }: HandledRequest, allow: string): HandledReply {
  const error = new MeshError('unsupported', `Cannot serve ${method} ${path}: it takes another method`, {
    hint: `It takes ${allow}.`,
  })
  const reply = problemReply({ error, status: 405 })
  return { ...reply, headers: { ...reply.headers, allow } }
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
  const id = failureId()
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

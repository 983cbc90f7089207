/** `POST /mcp` of the gateway: MCP over HTTP, with the scope of a token. */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'

import { MeshError } from '@agent-mesh/protocol/errors'
import { toolApp } from '@agent-mesh/protocol/tool-app'
import { createMcpHandler } from '@modelcontextprotocol/server'

import { inBodyTime } from '../gateway/body-time.ts'
import type { GatewayAgent, GatewayCaller } from '../gateway/caller.ts'
import type { GatewayToken } from '../gateway/gateway-tokens.ts'
import type { HandledReply, HandledRequest } from '../local/handler-server.ts'
import { agentMesh } from './agent-mesh.ts'
import { meshServer } from './mesh-server.ts'
import { ToolCatalogue } from './tool-catalogue.ts'

export class HttpMeshServer {
  readonly #agent: GatewayAgent
  /** What a token may call outlasts its requests. */
  readonly #catalogues = new WeakMap<GatewayToken, ToolCatalogue>()

  constructor(agent: GatewayAgent) {
    this.#agent = agent
  }

  /** The protocol has no sessions: each request has a server of its own. @throws MeshError too_large, deadline_exceeded, invalid_argument */
  async reply(token: GatewayToken, caller: GatewayCaller, request: HandledRequest): Promise<HandledReply> {
    const mesh = agentMesh(this.#agent, caller)
    const catalogue = this.#catalogues.get(token) ?? new ToolCatalogue(mesh)
    this.#catalogues.set(token, catalogue)
    const app = toolApp(token.app)
    const handler = createMcpHandler(() => meshServer({ mesh, catalogue, app, listChanged: false }))
    return replyOf(await handler.fetch(await webRequest(request)))
  }
}

async function webRequest(request: HandledRequest): Promise<Request> {
  const { method, path, signal } = request
  const headers = new Headers()
  // HTTP/2 has its line among them: ":path" is the name of no header.
  for (const [name, value] of Object.entries(request.headers))
    if (typeof value === 'string' && !name.startsWith(':')) headers.set(name, value)
  const body = method === 'POST' ? await inBodyTime(request.text(), `serve ${path}`) : undefined
  // The requests of a batch would not be counted for its token; revision 2025-06-18 dropped batches.
  if (body?.trimStart().startsWith('[') === true)
    throw new MeshError('invalid_argument', `Cannot serve ${path}: batches are not taken`)
  // Of the URL the path alone is looked at.
  return new Request(`http://localhost${path}`, {
    method,
    headers,
    signal,
    ...(body !== undefined && { body }),
  })
}

async function replyOf(response: Response): Promise<HandledReply> {
  const { status, body } = response
  const type = response.headers.get('content-type') ?? 'application/json'
  const isStream = body !== null && type.startsWith('text/event-stream')
  const allow = response.headers.get('allow')
  return {
    ...{ status, type },
    headers: { 'cache-control': 'no-store', ...(allow !== null && { allow }) },
    body: isStream ? Readable.fromWeb(body as ReadableStream) : await response.text(),
  }
}

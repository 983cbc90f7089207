/**
 * A small HTTP server of `node:http` for daemons: a handler maps a request to a reply. Not the Web's Request and Response: the
 * library behind them takes 12 MB of an agent that is asked now and then.
 */
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { linesOf } from '@agent-mesh/agent/gateway/lines'

export interface HandledRequest {
  /** `GET` for `HEAD` too. */
  method: string
  /** Without the query. */
  path: string
  /** Aborts when the client closes the connection. */
  signal: AbortSignal
  /** The body. @throws MeshError too_large */
  text(): Promise<string>
  /** The body in lines, as they come. @throws MeshError too_large for one of more than a whole body may have */
  lines(): AsyncGenerator<string, void, undefined>
}

export interface HandledReply {
  /** @default 200 */
  status?: number
  type: string
  /** Of a stream the head is sent at once. */
  body: string | Readable
}

/** Errors become problem details. */
export type Handler = (request: HandledRequest) => HandledReply | Promise<HandledReply>

export const json = (value: unknown, status = 200): HandledReply => ({
  status,
  type: 'application/json',
  body: JSON.stringify(value),
})

/** Handlers by method and path: `GET /v1/peers`. Others are `not_found`. */
export type Routes = Readonly<Record<string, Handler>>

export const routed =
  (routes: Routes): Handler =>
  request => {
    const route = `${request.method} ${request.path}`
    if (!Object.hasOwn(routes, route))
      throw new MeshError('not_found', `Cannot serve ${route}: no such route`)
    return routes[route]!(request)
  }

/** Not listening yet. @param maxBytes of a body */
export function handlerServer(handle: Handler, maxBytes: number): Server {
  return createServer((message, response) => {
    const request = handledRequest(message, response, maxBytes)
    replyTo(request, handle)
      .then(reply => send(reply, response))
      // The client closed the connection, or a stream failed after its head was sent.
      .catch(() => response.destroy())
  })
}

function handledRequest(
  message: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
): HandledRequest {
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  const { method = 'GET', url = '/' } = message
  return {
    method: method === 'HEAD' ? 'GET' : method,
    path: url.split('?', 1)[0] ?? '/',
    signal: closed.signal,
    text: () => readText(message, maxBytes),
    lines: () => linesOf(chunksOf(message), maxBytes, 'request'),
  }
}

async function readText(message: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  const tooLarge = () => new MeshError('too_large', `Cannot read request: over ${maxBytes} bytes`)
  if (Number(message.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  for await (const chunk of chunksOf(message)) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The reply can still be sent when no more of them is read. */
const chunksOf = (message: IncomingMessage) =>
  message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>

async function replyTo(request: HandledRequest, handle: Handler): Promise<HandledReply> {
  try {
    return await handle(request)
  } catch (error) {
    const known = toMeshError(error, 'internal', `serve ${request.method} ${request.path}`)
    return { ...json(problemOf(known), known.status), type: 'application/problem+json' }
  }
}

async function send({ status = 200, type, body }: HandledReply, response: ServerResponse): Promise<void> {
  // A body that was not read to its end would be taken for the next request.
  const closing = response.req.complete ? {} : { connection: 'close' }
  response.writeHead(status, { 'content-type': type, ...closing })
  if (typeof body === 'string') return void response.end(body)
  response.flushHeaders()
  await pipeline(body, response)
}

/**
 * A small HTTP server of `node:http` for daemons: a handler maps a request to a reply. Not the Web's Request and Response: the
 * library behind them takes 12 MB of an agent that is asked now and then.
 */
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { linesOf } from '@agent-mesh/agent/gateway/lines'

export interface HandledRequest {
  /** `GET` for `HEAD` too. */
  method: string
  /** Without the query. */
  path: string
  headers: IncomingHttpHeaders
  query: URLSearchParams
  /** Aborts when the client closes the connection. */
  signal: AbortSignal
  /** The body. @throws MeshError too_large */
  text(): Promise<string>
  /** The body. @throws MeshError too_large */
  bytes(): Promise<Buffer>
  /** The body in lines, as they come. @throws MeshError too_large for one of more than a whole body may have */
  lines(): AsyncGenerator<string, void, undefined>
}

export interface HandledReply {
  /** @default 200 */
  status?: number
  type: string
  headers?: Readonly<Record<string, string>>
  /** Of a stream the head is sent at once. */
  body: string | Uint8Array | Readable
}

/** Errors become problem details. */
export type Handler = (request: HandledRequest) => HandledReply | Promise<HandledReply>

export const json = (value: unknown, status = 200): HandledReply => ({
  status,
  type: 'application/json',
  body: JSON.stringify(value),
})

/** Handlers by method and path: `GET /v1/peers`. */
export type Routes = Readonly<Record<string, Handler>>

const noSuchRoute: Handler = ({ method, path }) => {
  throw new MeshError('not_found', `Cannot serve ${method} ${path}: no such route`)
}

/** @param otherwise handles what no route does. @default `not_found` */
export const routed =
  (routes: Routes, otherwise = noSuchRoute): Handler =>
  request => {
    const route = `${request.method} ${request.path}`
    return Object.hasOwn(routes, route) ? routes[route]!(request) : otherwise(request)
  }

/** Not listening yet. @param maxBytes of a body @param options of `node:http` */
export function handlerServer(handle: Handler, maxBytes: number, options: ServerOptions = {}): Server {
  return createServer(options, (message, response) => {
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
  const { method = 'GET', url = '/', headers } = message
  const path = url.split('?', 1)[0] ?? '/'
  return {
    method: method === 'HEAD' ? 'GET' : method,
    ...{ path, headers },
    get query() {
      return new URLSearchParams(url.slice(path.length))
    },
    signal: closed.signal,
    text: async () => (await readBody(message, maxBytes)).toString('utf8'),
    bytes: () => readBody(message, maxBytes),
    lines: () => linesOf(chunksOf(message), maxBytes, 'request'),
  }
}

async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  const tooLarge = () => new MeshError('too_large', `Cannot read request: over ${maxBytes} bytes`)
  if (Number(message.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  for await (const chunk of chunksOf(message)) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
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

async function send(reply: HandledReply, response: ServerResponse): Promise<void> {
  const { status = 200, type, headers, body } = reply
  // A body that was not read to its end would be taken for the next request.
  const closing = response.req.complete ? {} : { connection: 'close' }
  response.writeHead(status, { 'content-type': type, ...headers, ...closing })
  if (typeof body === 'string' || body instanceof Uint8Array) return void response.end(body)
  response.flushHeaders()
  await pipeline(body, response)
}

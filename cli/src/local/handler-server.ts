/**
 * A small HTTP server of `node:http` for daemons: a handler maps a request to a reply. Not the Web's Request and Response: the
 * library behind them takes 12 MB of an agent that is asked now and then.
 */
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import {
  createServer,
  IncomingMessage,
  type IncomingHttpHeaders,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { GatheredBytes } from '@agent-mesh/agent/gateway/gathered-bytes'
import { linesOf } from '@agent-mesh/agent/gateway/lines'
import { runWithinTrace } from '@agent-mesh/agent/observe/passed-trace'
import { traceOfHeaders } from '@agent-mesh/agent/observe/traceparent'

import { dropRest, endRefused } from './after-reply.ts'
import { gatherPieces } from './gather-pieces.ts'
import { closeQueuedReplies } from './queued-replies.ts'

export interface HandledRequest {
  /** `GET` for `HEAD` too. */
  method: string
  /** Without the query. */
  path: string
  headers: IncomingHttpHeaders
  query: URLSearchParams
  /** Aborts when the client closes the connection. */
  signal: AbortSignal
  /** The body. @throws MeshError too_large; invalid_argument when it is not UTF-8 */
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
  const answer = (message: IncomingMessage, response: ServerResponse, awaited?: () => void) => {
    const request = handledRequest(message, response, { maxBytes, awaited })
    // A body that is made while it is sent continues the trace, too.
    runWithinTrace(traceOfHeaders(message.headers), () =>
      answered(request, handle).then(reply => sendReply(reply, response)),
    )
      // The client closed the connection, or a stream failed after its head was sent.
      .catch(() => response.destroy())
  }
  const server = createServer({ ...options, IncomingMessage: GatheredMessage }, (message, response) =>
    answer(message, response),
  )
  server.on('checkContinue', (message, response) => answer(message, response, () => response.writeContinue()))
  return closeQueuedReplies(server)
}

/** What waits of its body is held in few pieces. */
export class GatheredMessage extends IncomingMessage {
  constructor(socket: Socket) {
    super(socket)
    gatherPieces(this)
  }
}

interface BodyInit {
  readonly maxBytes: number
  /** Asks a client for the body that it holds back (`Expect: 100-continue`), once it is wanted. */
  readonly awaited: (() => void) | undefined
}

function handledRequest(message: IncomingMessage, response: ServerResponse, body: BodyInit): HandledRequest {
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
    text: async () => (await readBody(message, body)).text('request'),
    bytes: async () => (await readBody(message, body)).bytes(),
    lines: () => linesOf(chunksOf(message, body), body.maxBytes, 'request'),
  }
}

async function readBody(message: IncomingMessage, body: BodyInit): Promise<GatheredBytes> {
  const { maxBytes } = body
  const gathered = new GatheredBytes()
  const tooLarge = () => new MeshError('too_large', `Cannot read request: over ${maxBytes} bytes`)
  if (Number(message.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  for await (const chunk of chunksOf(message, body)) {
    if (gathered.length + chunk.length > maxBytes) throw tooLarge()
    gathered.add(chunk)
  }
  return gathered
}

/** The reply can still be sent when no more of them is read. */
function chunksOf(message: IncomingMessage, { awaited }: BodyInit): AsyncIterable<Buffer> {
  awaited?.()
  return message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
}

/** The reply of a handler; what it throws as problem details. */
export async function answered(request: HandledRequest, handle: Handler): Promise<HandledReply> {
  try {
    return await handle(request)
  } catch (error) {
    const known = toMeshError(error, 'internal', `serve ${request.method} ${request.path}`)
    return { ...json(problemOf(known), known.status), type: 'application/problem+json' }
  }
}

/** @throws Error when the client closed the connection, or a stream failed after its head was sent */
export async function sendReply(reply: HandledReply, response: ServerResponse): Promise<void> {
  const { status = 200, type, headers, body } = reply
  const { req } = response
  // A body that was not read to its end would be taken for the next request.
  const closing = req.complete ? {} : { connection: 'close' }
  const isWhole = typeof body === 'string' || body instanceof Uint8Array
  const length = isWhole && status !== 204 ? { 'content-length': Buffer.byteLength(body) } : {}
  const head: Record<string, string | number> = { 'content-type': type, ...headers, ...closing, ...length }
  if ('stream' in response) {
    // HTTP/2 has no such header.
    delete head['connection']
    if (headers?.['connection'] === 'close') endRefused(response.stream as ServerHttp2Stream)
  }
  response.writeHead(status, head)
  if (!isWhole) {
    response.flushHeaders()
    return pipeline(body, response)
  }
  if (req.complete) return void response.end(body)
  response.write(body)
  await dropRest(req)
  response.end()
}

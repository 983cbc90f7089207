/** gRPC, gRPC-Web and Connect of Node's requests, over HTTP/1.1 and HTTP/2. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

import {
  createConnectRouter,
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextValues,
} from '@connectrpc/connect'
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node'
import type { UniversalHandler } from '@connectrpc/connect/protocol'

import { wholeMessages } from './whole-messages.ts'

export type NodeServerRequest = IncomingMessage | Http2ServerRequest
export type NodeServerResponse = ServerResponse | Http2ServerResponse

export interface Asked {
  readonly request: NodeServerRequest
  readonly response: NodeServerResponse
  /** What the routes know of the request. */
  readonly values?: ContextValues
  /** Asks a client for the body that it holds back. */
  readonly awaited?: () => void
}

export interface ConnectInit extends ConnectRouterOptions {
  /** Of a message, also after its decompression. */
  readonly readMaxBytes: number
  readonly routes: (router: ConnectRouter) => void
  /** Reads the body of a request. @default as it comes */
  readonly body?: (
    chunks: AsyncIterable<Uint8Array>,
    asked: Asked,
    handler: UniversalHandler,
  ) => AsyncIterable<Uint8Array>
}

/** Rejects when the client ended the request before its reply. */
export function connectAnswer({
  routes,
  body,
  readMaxBytes,
  ...options
}: ConnectInit): (asked: Asked) => Promise<void> {
  const router = createConnectRouter({ acceptCompression: [compressionGzip], readMaxBytes, ...options })
  routes(router)
  const handlers = new Map(router.handlers.map(handler => [handler.requestPath, handler]))
  return async asked => {
    const { request, response, values } = asked
    const handler = handlers.get((request.url ?? '').split('?', 1)[0] ?? '')
    if (handler === undefined) {
      // Clients take it for "unimplemented".
      response.statusCode = 404
      return void response.end()
    }
    const universal = universalRequestFromNodeRequest(request, response, undefined, values)
    const chunks = universal.body as AsyncIterable<Uint8Array>
    const isStream = handler.method.methodKind === 'bidi_streaming'
    const pieces = isStream ? wholeMessages(chunks, readMaxBytes) : chunks
    const read = body?.(pieces, asked, handler) ?? pieces
    await universalResponseToNodeResponse(await handler({ ...universal, body: read }), response)
  }
}

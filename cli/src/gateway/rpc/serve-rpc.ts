/** Remote procedure calls on an HTTP server, beside its other requests. */
import type { Server } from 'node:http'

import { runWithinTrace } from '@agent-mesh/agent/observe/passed-trace'
import { traceOfHeaders } from '@agent-mesh/agent/observe/traceparent'

import type { NodeServerRequest, NodeServerResponse } from './connect-answer.ts'

/** @param awaited asks a client for the body that it holds back (`Expect: 100-continue`), once it is wanted */
export type RpcAnswer = (
  request: NodeServerRequest,
  response: NodeServerResponse,
  awaited?: () => void,
) => Promise<void>

export interface RpcInit {
  /** Whether a request is one, by its head. */
  readonly wants: (request: NodeServerRequest) => boolean
  /** Loads what answers, at the first of them. */
  readonly load: () => Promise<RpcAnswer>
}

type Listener = (request: NodeServerRequest, response: NodeServerResponse) => void

/** Takes the requests that it wants from the listeners that the server has so far. */
export function serveRpc(server: Server, { wants, load }: RpcInit): void {
  let loading: Promise<RpcAnswer> | undefined
  const answer = (...asked: Parameters<RpcAnswer>) => {
    const [{ headers }, response] = asked
    let isClosed = false
    response.once('close', () => {
      isClosed = true
    })
    loading ??= load()
    loading
      // One that has closed does not say so again: what is counted until then would stay.
      .then(answered =>
        isClosed ? undefined : runWithinTrace(traceOfHeaders(headers), () => answered(...asked)),
      )
      // The client ended the request, or what answers cannot be loaded.
      .catch(() => response.destroy())
  }
  const before = (event: string, listener: Listener) => {
    const others = server.listeners(event) as Listener[]
    server.removeAllListeners(event)
    server.on(event, (request: NodeServerRequest, response: NodeServerResponse) => {
      if (wants(request)) return listener(request, response)
      for (const other of others) other.call(server, request, response)
    })
  }
  before('request', answer)
  before('checkContinue', (request, response) => answer(request, response, () => response.writeContinue()))
}

/**
 * One HTTP request by `node:http`, through a tunnel of a proxy if need be. Not by `fetch`: the library behind it takes 12 MB of a
 * process that asks its control plane now and then, and takes a proxy from the environment of the whole process alone.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Proxy } from '../transport/wires/proxy.ts'

export interface OutgoingRequest {
  method: string
  url: URL
  headers: Record<string, string>
  body: Uint8Array
  /** Ends the request, or the reply while it is read. */
  signal: AbortSignal
  proxy?: Proxy | undefined
}

/** The reply, its body not read yet. Follows no redirects. @throws Error of the network; the signal's reason */
export async function sendRequest(outgoing: OutgoingRequest): Promise<IncomingMessage> {
  const { url, signal, proxy } = outgoing
  const isSecure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port)
  if (proxy?.covers(host, port) !== true)
    return send(outgoing, isSecure ? httpsRequest : httpRequest, { host, port })
  const tunnel = await proxy.tunnel(host, port, signal)
  const createConnection = () => (isSecure ? secured(tunnel, host) : tunnel)
  try {
    return await send(outgoing, httpRequest, { createConnection })
  } catch (error) {
    tunnel.destroy()
    throw error
  }
}

const secured = (socket: Socket, host: string): Socket =>
  connectTls({ socket, host, ...(isIP(host) > 0 ? {} : { servername: host }) })

type Where = { host: string; port: number } | { createConnection: () => Socket }

async function send(
  { method, url, headers, body, signal }: OutgoingRequest,
  request: typeof httpRequest,
  where: Where,
): Promise<IncomingMessage> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const length = body.byteLength === 0 ? {} : { 'content-length': String(body.byteLength) }
  const path = `${url.pathname}${url.search}`
  const outgoing = request({
    ...where,
    method,
    path,
    headers: { ...headers, ...length, host: url.host },
    signal,
  })
  outgoing.on('response', resolve).on('error', reject)
  outgoing.end(body.byteLength === 0 ? undefined : body)
  return promise.catch((error: unknown) => {
    throw signal.aborted ? signal.reason : error
  })
}

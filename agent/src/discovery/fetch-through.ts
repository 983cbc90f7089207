/** `fetch` through a proxy, one tunnel a request: Node's own takes a proxy from the environment of the whole process alone. */
import { request, type IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Proxy } from '../transport/wires/proxy.ts'

/** What {@link fetchThrough} takes of a `RequestInit`. */
export interface TunnelledInit {
  method: string
  headers: Record<string, string>
  body?: Uint8Array
  signal: AbortSignal
}

/** Hosts that the proxy does not cover are asked directly. Follows no redirects. */
export const fetchThrough =
  (proxy: Proxy) =>
  async (url: URL, init: TunnelledInit & { redirect: 'error' }): Promise<Response> => {
    const secure = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
    if (!proxy.covers(host, port)) return fetch(url, init as RequestInit)
    const tunnel = await proxy.tunnel(host, port, init.signal)
    try {
      return await send(
        url,
        init,
        secure
          ? connectTls({ socket: tunnel, host, ...(isIP(host) > 0 ? {} : { servername: host }) })
          : tunnel,
      )
    } catch (error) {
      tunnel.destroy()
      throw error
    }
  }

async function send(
  url: URL,
  { method, headers, body, signal }: TunnelledInit,
  socket: Socket,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const length = body === undefined ? {} : { 'content-length': String(body.byteLength) }
  request({
    method,
    path: `${url.pathname}${url.search}`,
    headers: { ...headers, ...length, host: url.host, connection: 'close' },
    createConnection: () => socket,
    signal,
  })
    .on('response', resolve)
    .on('error', reject)
    .end(body)
  const reply = await promise
  const status = reply.statusCode ?? 0
  // These have no body by definition, and a Response refuses one.
  const empty = status === 204 || status === 304
  if (empty) reply.resume()
  const told = Object.entries(reply.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  )
  return new Response(empty ? null : (Readable.toWeb(reply) as ReadableStream), { status, headers: told })
}

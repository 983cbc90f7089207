/** HTTP/2 without TLS on the port of an HTTP/1.1 server, for clients that know that it is spoken there: those of gRPC. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

import type { Http2Connections } from './http2-connections.ts'

interface ServedHttp2 {
  /** Takes a connection that begins as HTTP/2. */
  readonly serve: (socket: Socket) => void
  /** Connections take no further request. Idempotent. */
  refuse(): void
  /** Ends all connections. Idempotent. */
  stop(): void
}

/** Its requests are those of the server, whose listeners cannot tell the difference. */
export function serveHttp2(server: Server): ServedHttp2 {
  let loading: Promise<Http2Connections> | undefined
  let loaded: Http2Connections | undefined
  let isRefused = false
  /** Loaded at the first of them. */
  const load = async () => {
    const { Http2Connections } = await import('./http2-connections.ts')
    return (loaded = new Http2Connections((request, response) => {
      server.emit('request', request, response)
    }))
  }
  return {
    serve: socket => {
      loading ??= load()
      loading.then(
        connections => (isRefused ? socket.destroy() : connections.add(socket)),
        () => socket.destroy(),
      )
    },
    refuse: () => {
      isRefused = true
      loaded?.refuse()
    },
    stop: () => {
      isRefused = true
      loaded?.end()
    },
  }
}

/** WebSockets as the transport needs them: binary, uncompressed, small messages. The only file that imports the driver. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { isIP } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { MeshError, toMeshError } from '@agent-mesh/protocol'
import { hostPort } from '@agent-mesh/protocol/host-port'
import { transportDefaults } from '../defaults.ts'
import type { Proxy } from './proxy.ts'

export type { WebSocket } from 'ws'

const limits = { perMessageDeflate: false, maxPayload: transportDefaults.maxWebSocketBytes }

export interface WebSocketTarget {
  host: string
  port: number
  /** TLS of the web below the mesh's own: proxies and load balancers require it; trust does not depend on it. */
  secure: boolean
}

/** Opens one, through the proxy if it covers the host. @throws MeshError permission_denied, unavailable, cancelled */
export async function openWebSocket(
  { host, port, secure }: WebSocketTarget,
  { proxy, signal }: { proxy: Proxy | undefined; signal: AbortSignal },
): Promise<WebSocket> {
  const url = `${secure ? 'wss' : 'ws'}://${hostPort({ host, port })}/`
  const action = `connect to ${url}`
  signal.throwIfAborted()
  const tunnel = proxy?.covers(host, port) === true ? await proxy.tunnel(host, port, signal) : undefined
  const names = { host, ...(isIP(host) > 0 ? {} : { servername: host }) }
  const through =
    tunnel === undefined
      ? {}
      : { createConnection: () => (secure ? connectTls({ socket: tunnel, ...names }) : tunnel) }
  const socket = new WebSocket(url, { ...limits, ...through, followRedirects: false })
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>()
  const cancel = () => reject(toMeshError(signal.reason, 'cancelled', action))
  const fail = (error: Error) => reject(toMeshError(error, 'unavailable', action))
  socket.once('open', () => resolve(socket))
  socket.once('error', fail)
  socket.once('unexpected-response', (_, { statusCode }) =>
    reject(new MeshError('unavailable', `Cannot ${action}: the server answered ${statusCode}`)),
  )
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  try {
    return await promise
  } catch (error) {
    // Ending it before it opened is an error of its own, which no caller waits for.
    socket.on('error', () => {})
    socket.terminate()
    tunnel?.destroy()
    throw error
  } finally {
    socket.off('error', fail)
    signal.removeEventListener('abort', cancel)
  }
}

/** Accepts HTTP upgrades. */
export interface WebSocketGate {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

export function webSocketGate(
  onSocket: (socket: WebSocket, request: IncomingMessage) => void,
): WebSocketGate {
  const server = new WebSocketServer({ ...limits, noServer: true, clientTracking: false })
  return { accept: (request, socket, head) => server.handleUpgrade(request, socket, head, onSocket) }
}

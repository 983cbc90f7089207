/** The server for supervisors and Prometheus on TCP: `/health`, `/ready`, `/metrics`; it is no part of the mesh. */
import { toMeshError } from '@agent-mesh/protocol/errors'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import { handlerServer, json, routed, type Handler } from '../local/handler-server.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'

export interface OperationsServerInit {
  listen: { host: string; port: number }
  status: LocalDaemon['status']
  /** Prometheus text. */
  metrics: () => Promise<string>
}

const prometheusText = 'text/plain; version=0.0.4; charset=utf-8'

export function operationsApp({ status, metrics }: Omit<OperationsServerInit, 'listen'>): Handler {
  return routed({
    'GET /health': () => json({ status: 'ok' }),
    'GET /ready': async () => {
      const { ready, warnings, checks = [] } = await status()
      const failing = checks
        .filter(({ level }) => level === 'failing' || level === 'unknown')
        .map(({ name, reason }) => ({ check: name, reason }))
      return json({ status: ready ? 'ready' : 'not ready', failing, warnings }, ready ? 200 : 503)
    },
    'GET /metrics': async () => ({ type: prometheusText, body: await metrics() }),
  })
}

/** @throws MeshError unavailable when it cannot listen */
export async function serveOperations(
  init: OperationsServerInit,
): Promise<{ url: string; stop(): Promise<void> }> {
  const { host, port } = init.listen
  const server = handlerServer(operationsApp(init), 0)
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw toMeshError(error, 'unavailable', `serve metrics on ${host}:${port}`)
  }
  const { address, family, port: taken } = server.address() as AddressInfo
  const stop = async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return { url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`, stop }
}

/** What supervisors and Prometheus ask an agent or relay over TCP: `/health`, `/ready`, `/metrics`; nothing of the mesh. */
import { toMeshError } from '@agent-mesh/protocol/errors'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { LocalDaemon } from '../local/local-daemon.ts'

export interface OperationsServerInit {
  listen: { host: string; port: number }
  status: LocalDaemon['status']
  /** Prometheus text. */
  metrics: () => Promise<string>
}

const prometheusText = 'text/plain; version=0.0.4; charset=utf-8'

export function operationsApp({ status, metrics }: Omit<OperationsServerInit, 'listen'>): Hono {
  const app = new Hono()
  app.get('/health', c => c.json({ status: 'ok' }))
  app.get('/ready', async c => {
    const { ready, warnings } = await status()
    return c.json({ status: ready ? 'ready' : 'not ready', warnings }, ready ? 200 : 503)
  })
  app.get('/metrics', async c => c.body(await metrics(), 200, { 'content-type': prometheusText }))
  return app
}

/** @throws MeshError unavailable when it cannot listen */
export async function serveOperations(
  init: OperationsServerInit,
): Promise<{ url: string; stop(): Promise<void> }> {
  const { host, port } = init.listen
  const server = createAdaptorServer({ fetch: operationsApp(init).fetch }) as Server
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

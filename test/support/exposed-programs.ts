/** Programs behind ports of the agent `server` of a {@link GatewayMesh}, and who may reach them. */
import { once } from 'node:events'
import { createServer as createHttp, type Server as HttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { text } from 'node:stream/consumers'

import { vi } from 'vitest'
import { WebSocketServer } from 'ws'

import type { GatewayMesh } from './gateway-mesh.ts'

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/**
 * `8080` and `web` answer HTTP, with WebSockets that echo; `shout` says in capitals what it was sent, when that has ended; the policy
 * grants these. It does not grant `secret`; `dead` has nothing behind it; `owners` is for others.
 */
export async function exposePrograms({ mesh, server, desk }: GatewayMesh): Promise<() => Promise<void>> {
  await mesh.grant({
    from: ['role:agent'],
    to: ['port:8080', 'port:web', 'port:shout', 'port:dead', 'port:owners', 'port:7'],
    allow: ['connect'],
  })
  const http: HttpServer = createHttp((asked, reply) => reply.end(`${asked.headers.host} ${asked.url}`))
  const sockets = new WebSocketServer({ server: http })
  sockets.on('connection', each => each.on('message', said => each.send(said)))
  const shout = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {})
    text(socket).then(
      said => socket.end(said.toUpperCase()),
      () => socket.destroy(),
    )
  })
  const [port, shouting] = await Promise.all([listening(http), listening(shout)])
  for (const name of ['8080', 'web', 'secret']) server.expose({ name, to: { port } })
  server.expose({ name: 'shout', to: { port: shouting } })
  server.expose({ name: 'dead', to: { port: 1 } })
  server.expose({ name: 'owners', to: { port }, allow: ['name:nobody'] })
  // Until the policy has come.
  await vi.waitFor(async () => (await desk.connect('server', 'web')).destroy(), 20_000)
  return async () => {
    for (const each of sockets.clients) each.terminate()
    http.closeAllConnections()
    await Promise.all([http, shout].map(each => each.close() && once(each, 'close')))
  }
}

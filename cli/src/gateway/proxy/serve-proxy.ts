import type { Server } from 'node:http'

import { alsoSocks } from './first-byte.ts'
import { serveConnect } from './http-connect.ts'
import { serveSocks } from './socks.ts'
import type { Tunnels } from './tunnels.ts'

/** SOCKS and CONNECT on the server of the gateway. @returns resets connections whose head has not come */
export function serveProxy(server: Server, tunnels: Tunnels): () => void {
  const stopSocks = alsoSocks(server, (socket, known) => void serveSocks(tunnels, socket, known))
  server.on('connect', (asked, socket, head) => void serveConnect(tunnels, asked, socket, head))
  return stopSocks
}

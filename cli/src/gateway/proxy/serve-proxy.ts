import type { Server } from 'node:http'

import { serveConnect } from './http-connect.ts'
import { serveSocks, type SocksHandler } from './socks.ts'
import type { Tunnels } from './tunnels.ts'

/** CONNECT on the server of the gateway. @returns takes connections that begin as SOCKS */
export function serveProxy(server: Server, tunnels: Tunnels): SocksHandler {
  server.on('connect', (asked, socket, head) => void serveConnect(tunnels, asked, socket, head))
  return (socket, known) => void serveSocks(tunnels, socket, known)
}

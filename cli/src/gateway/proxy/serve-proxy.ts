import type { Server } from 'node:http'

import { alsoSocks } from './first-byte.ts'
import { serveConnect } from './http-connect.ts'
import { serveSocks } from './socks.ts'
import { Tunnels, type TunnelsInit } from './tunnels.ts'

/** SOCKS and CONNECT on the server of the gateway. @returns resets their connections */
export function serveProxy(server: Server, init: TunnelsInit): () => void {
  const tunnels = new Tunnels(init)
  const stopSocks = alsoSocks(server, (socket, known) => void serveSocks(tunnels, socket, known))
  server.on('connect', (asked, socket, head) => void serveConnect(tunnels, asked, socket, head))
  return () => {
    stopSocks()
    tunnels.stop()
  }
}

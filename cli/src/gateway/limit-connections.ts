/** More connections than the gateway serves: a refused one hears why, in the protocol that its first bytes show. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

import { MeshError } from '@agent-mesh/protocol/errors'

import { gatewayDefaults } from './defaults.ts'
import { isPreface, whenRead } from './first-bytes.ts'
import { refuseHttp2 } from './http2/refuse-http2.ts'
import { refuseHttp } from './proxy/http-connect.ts'
import { serveSocks, socksVersion } from './proxy/socks.ts'

const { connections, refusedMs } = gatewayDefaults

/** Stands before what serves the connections of the server so far. @returns resets those that are being refused */
export function limitConnections(server: Server): () => void {
  const serve = server.listeners('connection')
  const refused = new Set<Socket>()
  let served = 0
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    if (served >= connections) {
      refused.add(socket)
      socket.once('close', () => refused.delete(socket))
      return refuse(socket)
    }
    served++
    socket.once('close', () => served--)
    for (const each of serve) each.call(server, socket)
  })
  return () => {
    for (const socket of refused) socket.destroy()
  }
}

const noRoom = () =>
  new MeshError('overloaded', `Cannot serve the connection: ${connections} are open already`, {
    notStarted: true,
    hint: 'Close connections that are not used, or try again later.',
  })

/** No token is looked at: without room it makes no difference. */
const noTunnels = { authenticate: () => {}, open: () => Promise.reject(noRoom()) }

function refuse(socket: Socket): void {
  const late = setTimeout(() => socket.destroy(), refusedMs)
  socket.on('error', () => {})
  socket.once('close', () => clearTimeout(late))
  whenRead(socket, first => {
    if (first[0] === socksVersion) void serveSocks(noTunnels, socket, () => {})
    else if (isPreface(first)) refuseHttp2(socket, noRoom())
    else refuseHttp(socket, noRoom())
  })
}

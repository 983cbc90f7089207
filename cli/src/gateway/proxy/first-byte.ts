/** SOCKS on the port of an HTTP server: the first byte of a connection tells which of the two it is. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

import { gatewayDefaults } from '../defaults.ts'
import { socksVersion } from './socks.ts'

/** @param known says that the head of the connection has come */
export type SocksHandler = (socket: Socket, known: () => void) => void

/** @returns resets the connections of which the head has not come */
export function alsoSocks(server: Server, serve: SocksHandler): () => void {
  const serveHttp = server.listeners('connection')
  const unknown = new Set<Socket>()
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    unknown.add(socket)
    const late = setTimeout(() => socket.destroy(), gatewayDefaults.headMs)
    const ignore = () => {}
    const known = () => {
      clearTimeout(late)
      unknown.delete(socket)
    }
    socket.on('error', ignore)
    socket.once('close', known)
    socket.once('readable', () => {
      const first = socket.read(1) as Buffer | null
      if (first === null) return void socket.destroy()
      socket.unshift(first)
      if (first[0] === socksVersion) return serve(socket, known)
      known()
      socket.off('error', ignore)
      for (const each of serveHttp) each.call(server, socket)
    })
  })
  return () => {
    for (const socket of unknown) socket.destroy()
  }
}

/** Other protocols on the port of an HTTP server: the first bytes of a connection tell which of them it is. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

import { gatewayDefaults } from './defaults.ts'
import { socksVersion, type SocksHandler } from './proxy/socks.ts'

/** Begins an HTTP/2 connection of a client that knows that the server speaks it (RFC 9113, 3.4); no method of HTTP/1 does. */
const preface = Buffer.from('PRI')

interface OtherProtocols {
  readonly socks: SocksHandler
  readonly http2: (socket: Socket) => void
}

/** @returns resets the connections of which the first bytes, or the head, have not come */
export function alsoServe(server: Server, { socks, http2 }: OtherProtocols): () => void {
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
    whenRead(socket, first => {
      if (first[0] === socksVersion) return socks(socket, known)
      known()
      if (isPreface(first)) return http2(socket)
      socket.off('error', ignore)
      for (const each of serveHttp) each.call(server, socket)
    })
  })
  return () => {
    for (const socket of unknown) socket.destroy()
  }
}

export const isPreface = (first: Buffer): boolean => first.subarray(0, preface.length).equals(preface)

/** Reads until the bytes can be of one protocol alone, and puts them back. A connection that ends before is destroyed. */
export function whenRead(socket: Socket, tell: (first: Buffer) => void): void {
  let first = Buffer.alloc(0)
  const look = () => {
    // All of it: with some bytes left, "readable" would come at once, again and again.
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return void socket.destroy()
    first = Buffer.concat([first, chunk])
    if (first.length < preface.length && preface.subarray(0, first.length).equals(first))
      return void socket.once('readable', look)
    socket.unshift(first)
    tell(first)
  }
  socket.once('readable', look)
}

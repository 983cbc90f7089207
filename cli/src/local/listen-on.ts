/** Servers of this machine that begin to listen. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { MeshError } from '@agent-mesh/protocol/errors'

export interface ListenInit {
  /** A loopback address; port 0 is any free one. */
  host: string
  port: number
  /** For the error: `the gateway`. */
  what: string
  /** For the error: how to choose another port. */
  hint: string
  /** A connection cannot be accepted: the process has no descriptor left, say. */
  onError: (error: Error) => void
}

export interface Listening {
  /** `http://127.0.0.1:7420` */
  url: string
  /** Resolves when the server has closed. */
  closed: Promise<void>
}

/** @throws MeshError conflict when another process has the port; unavailable when it cannot listen */
export async function listenOn(
  server: Server,
  { host, port: wished, what, hint, onError }: ListenInit,
): Promise<Listening> {
  const closed = Promise.withResolvers<void>()
  server.once('close', closed.resolve)
  server.listen(wished, host)
  try {
    await once(server, 'listening')
  } catch (thrown) {
    const cause = thrown as NodeJS.ErrnoException
    const isTaken = cause.code === 'EADDRINUSE'
    const reason = isTaken ? 'another process has the port' : (cause.code ?? cause.message)
    const message = `Cannot serve ${what} on ${host}:${wished}: ${reason}`
    throw new MeshError(isTaken ? 'conflict' : 'unavailable', message, { cause, hint })
  }
  server.on('error', onError)
  const { address, family, port } = server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  return { url, closed: closed.promise }
}

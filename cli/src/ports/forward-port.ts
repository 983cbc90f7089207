/** A TCP port of this machine whose connections go to a port of a member. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { join } from '@agent-mesh/agent/rpc/pipes/join'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

export interface ForwardInit {
  listen: { host: string; port: number }
  /** Opens the port of the member, anew for each connection. `signal`: the connection is gone. */
  open(signal: AbortSignal): Promise<Duplex>
  /** Why a connection was not carried; it is reset, and the next one tries again. */
  failed(error: MeshError): void
}

export interface ForwardedPort {
  host: string
  port: number
  /** Frees the port. Resolves when the connections that are open have ended. */
  release(): Promise<void>
  /** Frees the port, and resets connections. Idempotent. */
  stop(): Promise<void>
}

/** Listens until it is stopped, whatever becomes of single connections. @throws MeshError conflict for a port in use */
export async function forwardPort({ listen, open, failed }: ForwardInit): Promise<ForwardedPort> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void carry(socket, open).catch((thrown: unknown) => {
      if (!socket.destroyed) failed(toMeshError(thrown, 'unavailable', 'forward'))
      socket.resetAndDestroy()
    })
  })
  server.listen(listen)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw cannotListen(listen, cause)
  }
  // One that cannot be accepted, for want of descriptors, is not the end of the others.
  server.on('error', cause => failed(toMeshError(cause, 'unavailable', 'accept a connection')))
  const { address: host, port } = server.address() as AddressInfo
  // Not by once(): that fails with the first error.
  const closed = new Promise<void>(resolve => server.once('close', resolve))
  const release = async () => {
    // Its connections go on.
    server.close()
    await closed
  }
  const stop = () => {
    const released = release()
    for (const socket of sockets) socket.resetAndDestroy()
    return released
  }
  return { host, port, release, stop }
}

async function carry(socket: Socket, open: ForwardInit['open']): Promise<void> {
  const closed = new AbortController()
  const abort = () => closed.abort()
  socket.once('close', abort)
  socket.once('error', abort)
  const pipe = await open(closed.signal)
  if (socket.destroyed) return void pipe.destroy()
  join(socket, pipe)
}

function cannotListen({ host, port }: ForwardInit['listen'], cause: unknown): MeshError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const action = `Cannot listen on ${host}:${port}`
  if (code === 'EADDRINUSE')
    return new MeshError('conflict', `${action}: the port is in use`, { cause, hint: 'Choose another port.' })
  if (code === 'EACCES')
    return new MeshError('permission_denied', `${action}: the system does not allow it`, {
      cause,
      hint: 'Choose a port above 1023.',
    })
  return new MeshError('invalid_argument', `${action}: ${code}`, { cause })
}

/** Pipes on the local socket: requests of `GET /v1/connect` that are upgraded to the bytes of a pipe. */
import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { join } from '@agent-mesh/agent/rpc/pipes/join'
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { localPipeUpgrade } from '@agent-mesh/protocol/local-ports'

import type { LocalDaemon } from '../local/local-daemon.ts'
import { FramedPipe } from './framed-pipe.ts'

/** Serves them on `server`. @returns resets those that are open */
export function servePipes(server: Server, daemon: Pick<LocalDaemon, 'connect'>): () => void {
  const open = new Set<Duplex>()
  server.on('upgrade', (asked, socket, head) => {
    open.add(socket)
    const closed = new AbortController()
    socket.once('close', () => {
      open.delete(socket)
      closed.abort()
    })
    // A client that is gone ends the opening.
    socket.once('error', () => socket.destroy())
    connected(asked, daemon, closed.signal).then(
      pipe => {
        if (socket.destroyed) return void pipe.destroy()
        socket.write(`${head101}\r\n\r\n`)
        join(new FramedPipe(socket as Socket, head), pipe)
      },
      (thrown: unknown) => refuse(socket, toMeshError(thrown, 'internal', 'connect')),
    )
  })
  return () => {
    for (const socket of open) socket.destroy()
  }
}

const head101 = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${localPipeUpgrade}`

async function connected(
  { method, url = '/', headers }: IncomingMessage,
  daemon: Pick<LocalDaemon, 'connect'>,
  signal: AbortSignal,
): Promise<Duplex> {
  const [pathname, query] = url.split('?', 2)
  const searchParams = new URLSearchParams(query)
  if (method !== 'GET' || pathname !== '/v1/connect' || headers.upgrade !== localPipeUpgrade)
    throw new MeshError('not_found', `Cannot serve ${method} ${pathname}: no such upgrade`)
  const [peer, port] = [searchParams.get('peer'), searchParams.get('port')]
  if (peer === null || peer === '' || port === null)
    throw new MeshError('invalid_argument', 'Cannot connect: name the member and the port')
  if (daemon.connect === undefined)
    throw new MeshError('unsupported', 'Cannot connect: no agent runs in this context', {
      hint: 'Name the context of an agent with --context NAME or --data DIR.',
    })
  return daemon.connect({ peer, port }, { signal })
}

function refuse(socket: Duplex, error: MeshError): void {
  const text = JSON.stringify(problemOf(error))
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ].join('\r\n')
  socket.end(`${head}\r\n\r\n${text}`)
}

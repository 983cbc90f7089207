/** Upgrades on the local socket: pipes of `GET /v1/connect`, `receive` and `send`, and WebSockets of programs. */
import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { join } from '@agent-mesh/agent/rpc/pipes/join'
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import {
  localConnectQuery,
  localPipeUpgrade,
  localReceiveQuery,
  localSendQuery,
} from '@agent-mesh/protocol/local-ports'
import { parse } from '@agent-mesh/protocol/parse'

import type { LocalDaemon } from '../local/local-daemon.ts'
import { FramedPipe } from './framed-pipe.ts'

/** Serves them on `server`. @returns resets those that are open */
export function servePipes(server: Server, daemon: PipeDaemon): () => void {
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
    const refused = (thrown: unknown) => refuse(socket, toMeshError(thrown, 'internal', 'connect'))
    if (isOfProgram(asked) && daemon.webSocket !== undefined)
      return void daemon.webSocket(asked, socket, head).catch(refused)
    opened(asked, daemon, closed.signal).then(carry => {
      if (!socket.destroyed) socket.write(`${head101}\r\n\r\n`)
      carry(new FramedPipe(socket as Socket, head))
    }, refused)
  })
  return () => {
    for (const socket of open) socket.destroy()
  }
}

const head101 = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${localPipeUpgrade}`

/** One for its calls, streams, topics and services. */
const isOfProgram = ({ url = '', headers }: IncomingMessage): boolean =>
  url.split('?', 1)[0] === '/v1/ws' && headers.upgrade?.toLowerCase() === 'websocket'

type PipeDaemon = Pick<LocalDaemon, 'connect' | 'receive' | 'send' | 'webSocket'>
/** Carries the bytes of the command; where its connection is gone already, it is destroyed. */
type Carry = (pipe: Duplex) => void

async function opened(asked: IncomingMessage, daemon: PipeDaemon, signal: AbortSignal): Promise<Carry> {
  const { method, url = '/', headers } = asked
  const [pathname = '', query] = url.split('?', 2)
  const open = Object.hasOwn(upgrades, pathname) ? upgrades[pathname] : undefined
  if (method !== 'GET' || open === undefined || headers.upgrade !== localPipeUpgrade)
    throw new MeshError('not_found', `Cannot serve ${method} ${pathname}: no such upgrade`)
  return open(daemon, Object.fromEntries(new URLSearchParams(query)), signal)
}

type Upgrade = (daemon: PipeDaemon, query: Record<string, string>, signal: AbortSignal) => Promise<Carry>

const upgrades: Readonly<Record<string, Upgrade>> = {
  '/v1/connect': async ({ connect }, query, signal) => {
    const to = parse(localConnectQuery, query, 'connect')
    if (connect === undefined) throw noAgent('connect')
    return joined(await connect(to, { signal }))
  },
  '/v1/receive': async ({ receive }, query, signal) => {
    const offer = parse(localReceiveQuery, query, 'receive')
    if (receive === undefined) throw noAgent('receive')
    return joined(await receive(offer, { signal }))
  },
  '/v1/send': async ({ send }, query) => {
    const { peer, bytes } = parse(localSendQuery, query, 'send')
    if (send === undefined) throw noAgent('send')
    return send({ peer, bytes: Number(bytes) })
  },
}

const joined =
  (other: Duplex): Carry =>
  pipe =>
    join(pipe, other)

const noAgent = (action: string) =>
  new MeshError('unsupported', `Cannot ${action}: no agent runs in this context`, {
    hint: 'Name the context of an agent with --context NAME or --data DIR.',
  })

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

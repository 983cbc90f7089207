/** `GET /v1/ws` of the gateway: calls, streams and services of a program over one WebSocket. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import { gatherPieces } from '../../local/gather-pieces.ts'
import { admit, hostsOf, type AdmissionInit } from '../admission.ts'
import { callerOf, type GatewayAgent } from '../caller.ts'
import type { RunningRequests } from '../running-requests.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'
import { loadOpener, type Opener, type Program } from './open-socket.ts'
import { bearerPrefix } from './subprotocols.ts'

interface SocketsInit extends Pick<AdmissionInit, 'tokens'> {
  readonly agent: GatewayAgent
  readonly running: RunningRequests
  /** Of the gateway itself. */
  readonly url: string
}

/** On the server of the gateway. @returns ends them */
export function serveSockets(server: Server, { agent, tokens, running, url }: SocketsInit): () => void {
  const admission = { tokens, hosts: hostsOf(url) }
  const open = new Set<Duplex>()
  let opener: Promise<Opener> | undefined
  server.on('upgrade', (asked, socket, head) => {
    gatherPieces(socket)
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    try {
      const program = admitted(asked, socket, admission, running)
      opener ??= loadOpener(agent)
      opener.then(
        opened => opened(asked, socket, head, program),
        (thrown: unknown) => refuseUpgrade(socket, toMeshError(thrown, 'internal', 'open the WebSocket')),
      )
    } catch (thrown) {
      refuseUpgrade(socket, toMeshError(thrown, 'internal', 'open the WebSocket'))
    }
  })
  return () => {
    for (const socket of open) socket.destroy()
  }
}

/** The checks of every request of the gateway. @throws MeshError */
function admitted(
  { method = '', url = '', headers }: IncomingMessage,
  socket: Duplex,
  admission: AdmissionInit,
  running: RunningRequests,
): Program {
  const offered = headers['sec-websocket-protocol'] ?? ''
  const bearer = offered
    .split(',')
    .map(each => each.trim())
    .find(each => each.startsWith(bearerPrefix))
    ?.slice(bearerPrefix.length)
  const asked = {
    authorization: bearer === undefined ? undefined : `Bearer ${bearer}`,
    ...headers,
  }
  const admitted = admit(admission, { method, headers: asked })
  if ('refusal' in admitted) throw admitted.refusal.error
  if (url.split('?', 1)[0] !== '/v1/ws')
    throw new MeshError('not_found', `Cannot serve ${method} ${url.slice(0, 200)}: no such WebSocket`)
  const { token } = admitted
  socket.once('close', running.start(token))
  return { caller: callerOf(token, () => admitted.mustHold()), running: () => running.start(token) }
}

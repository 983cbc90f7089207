/** `GET /v1/ws` of the gateway: calls, streams and services of a program over one WebSocket. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import { admit, hostsOf, type AdmissionInit } from '../admission.ts'
import { callerOf, type GatewayAgent, type GatewayCaller } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import type { RunningRequests } from '../running-requests.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'
import { bearerPrefix, subprotocol } from './subprotocols.ts'

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
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    try {
      const caller = admitted(asked, socket, admission, running)
      opener ??= loadOpener(agent)
      opener.then(
        opened => opened(asked, socket, head, caller),
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

type Opener = (asked: IncomingMessage, socket: Duplex, head: Buffer, caller: GatewayCaller) => void

/** Loaded at the first of them. */
async function loadOpener(agent: GatewayAgent): Promise<Opener> {
  const [{ WebSocketServer }, { ProgramSocket }] = await Promise.all([
    import('ws'),
    import('./program-socket.ts'),
  ])
  const sockets = new WebSocketServer({
    ...{ noServer: true, clientTracking: false, perMessageDeflate: false },
    maxPayload: gatewayDefaults.bodyBytes,
    handleProtocols: offered => (offered.has(subprotocol) ? subprotocol : false),
  })
  return (asked, socket, head, caller) =>
    sockets.handleUpgrade(asked, socket, head, opened => void new ProgramSocket(opened, agent, caller))
}

/** The checks of every request of the gateway. @throws MeshError */
function admitted(
  { method = '', url = '', headers }: IncomingMessage,
  socket: Duplex,
  admission: AdmissionInit,
  running: RunningRequests,
): GatewayCaller {
  const offered = headers['sec-websocket-protocol'] ?? ''
  const token = offered
    .split(',')
    .map(each => each.trim())
    .find(each => each.startsWith(bearerPrefix))
    ?.slice(bearerPrefix.length)
  const asked = {
    authorization: token === undefined ? undefined : `Bearer ${token}`,
    ...headers,
  }
  const admitted = admit(admission, { method, headers: asked })
  if ('refusal' in admitted) throw admitted.refusal.error
  if (url.split('?', 1)[0] !== '/v1/ws')
    throw new MeshError('not_found', `Cannot serve ${method} ${url.slice(0, 200)}: no such WebSocket`)
  socket.once('close', running.start(admitted.token))
  return callerOf(admitted.token, () => admitted.mustHold())
}

/** The gateway of an agent; its modules are loaded when it is switched on, or asked for on the local socket. */
import type { Agent } from '@agent-mesh/agent'
import type { Logger } from '@agent-mesh/agent/observe/logger'
import { MeshError } from '@agent-mesh/protocol/errors'

import type { RunningGateway } from '../gateway/gateway-server.ts'
import type { OwnersOpener } from '../gateway/websocket/owners-sockets.ts'
import { gatherPieces } from '../local/gather-pieces.ts'
import { routed, type Handler } from '../local/handler-server.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import type { OwnedFolder } from '../data/data-folder.ts'

export type { RunningGateway } from '../gateway/gateway-server.ts'

interface Flags {
  folder: OwnedFolder
  gateway?: { host: string; port: number }
}

/** @throws MeshError conflict when another process has the port; unavailable when it cannot listen */
export async function startGateway(
  agent: Agent,
  { folder, gateway: listen }: Flags,
  log: Logger,
): Promise<RunningGateway | undefined> {
  if (listen === undefined) return undefined
  const { serveGateway } = await import('../gateway/gateway-server.ts')
  return serveGateway({ agent, folder: folder.path, listen, log })
}

const opensPorts = /^\/v1\/open(?:\/close)?$/
const routes = /^\/v1\/(?:call\/|stream\/|topics\/|open(?:\/close)?$|describe$|openapi\.json$)/

/** The WebSocket of programs on the local socket. */
function ownersWebSocket(agent: Agent): NonNullable<LocalDaemon['webSocket']> {
  let opener: Promise<OwnersOpener> | undefined
  return async (asked, socket, head) => {
    gatherPieces(socket)
    opener ??= import('../gateway/websocket/owners-sockets.ts').then(each => each.loadOwnersOpener(agent))
    const open = await opener
    open(asked, socket, head)
  }
}

/** The routes of the gateway on the local socket, where the owner of the agent asks: without a token, with all rights of the agent. */
const ownersGateway =
  (agent: Agent, gateway: RunningGateway | undefined): Handler =>
  async request => {
    if (!routes.test(request.path)) return routed({})(request)
    if (opensPorts.test(request.path) && gateway === undefined)
      throw new MeshError('unsupported', 'Cannot open a port: the agent has no gateway', {
        hint: 'Start the agent with one: agent-mesh up --gateway.',
      })
    const { ownersApp } = await import('../gateway/gateway-app.ts')
    return ownersApp(agent, gateway?.browsers)(request)
  }

/** What programs of the owner use on the local socket. */
export const ownersRoutes = (agent: Agent, gateway: RunningGateway | undefined) => ({
  gateway: ownersGateway(agent, gateway),
  webSocket: ownersWebSocket(agent),
})

/** Upgrades a request to the WebSocket of a program; the library is loaded at the first of them. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

import type { GatewayAgent } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import type { ProgramSocketInit } from './program-socket.ts'
import { subprotocol } from './subprotocols.ts'

export type Program = Omit<ProgramSocketInit, 'agent'>
export type Opener = (asked: IncomingMessage, socket: Duplex, head: Buffer, program: Program) => void

export async function loadOpener(agent: GatewayAgent): Promise<Opener> {
  const [{ WebSocketServer }, { ProgramSocket }] = await Promise.all([
    import('ws'),
    import('./program-socket.ts'),
  ])
  const sockets = new WebSocketServer({
    ...{ noServer: true, clientTracking: false, perMessageDeflate: false },
    maxPayload: gatewayDefaults.bodyBytes,
    maxFragments: gatewayDefaults.piecesOfMessage,
    maxBufferedChunks: gatewayDefaults.piecesOfMessage,
    handleProtocols: offered => (offered.has(subprotocol) ? subprotocol : false),
  })
  return (asked, socket, head, program) =>
    sockets.handleUpgrade(
      asked,
      socket,
      head,
      opened => void new ProgramSocket(opened, { agent, ...program }),
    )
}

/** `GET /v1/ws` on the local socket, where the owner of the agent asks: without a token, with all rights of the agent. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

import { owner, type GatewayAgent } from '../caller.ts'
import { loadOpener } from './open-socket.ts'

/** Its requests are not counted: programs of the owner have no token to count them by. */
const uncounted = () => () => undefined

export type OwnersOpener = (asked: IncomingMessage, socket: Duplex, head: Buffer) => void

export async function loadOwnersOpener(agent: GatewayAgent): Promise<OwnersOpener> {
  const open = await loadOpener(agent)
  return (asked, socket, head) => open(asked, socket, head, { caller: owner, running: uncounted })
}

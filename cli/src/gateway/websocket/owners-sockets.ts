/** `GET /v1/ws` on the local socket, where the owner of the agent asks: without a token, with all rights of the agent. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

import { gatherPieces } from '../../local/gather-pieces.ts'
import { owner, type GatewayAgent } from '../caller.ts'
import { loadOpener, type Opener } from './open-socket.ts'

/** Its requests are not counted: programs of the owner have no token to count them by. */
const uncounted = () => () => undefined

export type OwnersSockets = (asked: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>

export function ownersSockets(agent: GatewayAgent): OwnersSockets {
  let opener: Promise<Opener> | undefined
  return async (asked, socket, head) => {
    gatherPieces(socket)
    opener ??= loadOpener(agent)
    const open = await opener
    open(asked, socket, head, { caller: owner, running: uncounted })
  }
}

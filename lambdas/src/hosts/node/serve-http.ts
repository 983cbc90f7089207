/** Requests and watch handshakes of an HTTP server, each with who sent it, and so many of a stranger's at once. */
import { MeshError } from '@agent-mesh/protocol'
import { getRequestListener } from '@hono/node-server'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { problemResponse } from '../../routes/problem.ts'
import type { RequestOrigin } from '../../routes/api-router.ts'
import { unreadBodyMs } from '../../defaults.ts'
import { clientAddress } from './client-address.ts'
import { SourcePlaces } from './source-places.ts'
import type { TrustedProxies } from './trusted-proxies.ts'
import { refuseUpgrade, type WatchHub } from './watch-hub.ts'

export interface ServeHttpInit {
  server: Server
  /** The API. */
  fetch: (request: Request, origin: RequestOrigin) => Response | Promise<Response>
  hub: Pick<WatchHub, 'upgrade'>
  /** Whose words about the sender are believed. */
  proxies: TrustedProxies | undefined
  /** Requests of an address that are served at once; of all behind a proxy, by their real addresses. */
  mostOf: (address: string) => number
}

export function serveHttp({ server, fetch, hub, proxies, mostOf }: ServeHttpInit): void {
  const places = new SourcePlaces(mostOf)
  const listener = getRequestListener(
    (request, bindings) => {
      const [incoming, outgoing] = [bindings.incoming as IncomingMessage, bindings.outgoing]
      const source = clientAddress(incoming, proxies)
      outgoing.once('finish', () => endUnread(incoming))
      if (source !== undefined) {
        const leave = places.take(source)
        if (leave === undefined) return problemResponse(tooMany())
        outgoing.once('close', leave)
      }
      return fetch(request, { source })
    },
    { autoCleanupIncoming: false },
  )
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const source = clientAddress(request, proxies)
    const leave = source === undefined ? () => {} : places.take(source)
    if (leave === undefined) return refuseUpgrade(socket, tooMany())
    await hub.upgrade(request, socket, head, source)
    leave()
  }
  server.on('request', (incoming, outgoing) => void listener(incoming, outgoing))
  server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head))
}

/**
 * A request that was answered before its body was read keeps its connection no longer than it takes to read the answer: closing
 * at once would reset it under an answer that is still on its way. Nothing more of the body is read meanwhile.
 */
function endUnread(incoming: IncomingMessage): void {
  if (incoming.complete) return
  const { socket } = incoming
  // After the server has resumed it to discard the rest, which would be garbage by the megabyte.
  setImmediate(() => {
    if (!incoming.complete) socket.pause()
  })
  const late = setTimeout(() => socket.destroy(), unreadBodyMs)
  // Once all of it came, or the connection is lost.
  incoming.once('close', () => clearTimeout(late))
}

const tooMany = (): MeshError =>
  new MeshError('rate_limited', 'Cannot accept request: too many of this address are being served', {
    details: { retryAfterMs: 1_000 },
    hint: 'Try again in 1 s.',
  })

/** Requests and watch handshakes of an HTTP server, each with its sender's address, in limited number from strangers. */
import { MeshError } from '@agent-mesh/protocol'
import { getRequestListener } from '@hono/node-server'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { problemResponse } from '../../routes/problem.ts'
import type { RequestOrigin } from '../../routes/api-router.ts'
import { unreadBodyMs } from '../../defaults.ts'
import { clientAddress } from './client-address.ts'
import { answerStarting } from './http-listener.ts'
import { bodyOf, dropBody } from './request-body.ts'
import { SourcePlaces } from './source-places.ts'
import type { TrustedProxies } from './trusted-proxies.ts'
import { refuseUpgrade, type WatchHub } from './watch-hub.ts'

export interface ServeHttpInit {
  server: Server
  /** The API. */
  fetch: (request: Request, origin: RequestOrigin) => Response | Promise<Response>
  hub: Pick<WatchHub, 'upgrade'>
  /** Proxies whose headers about the sender are trusted. */
  proxies: TrustedProxies | undefined
  /** Requests of an address that are served at once; of all behind a proxy, by their real addresses. */
  mostOf: (address: string) => number
}

export function serveHttp({ server, fetch, hub, proxies, mostOf }: ServeHttpInit): void {
  const places = new SourcePlaces(mostOf)
  const listener = getRequestListener(
    async (request, bindings) => {
      const [incoming, outgoing] = [bindings.incoming as IncomingMessage, bindings.outgoing]
      const source = clientAddress(incoming, proxies)
      const leave = source === undefined ? () => {} : places.take(source)
      if (leave !== undefined) outgoing.once('close', leave)
      const response =
        leave === undefined
          ? problemResponse(tooMany())
          : await fetch(request, { source, body: bodyOf(incoming) })
      if (!incoming.complete) endUnread(incoming, response)
      return response
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
  server.off('request', answerStarting)
  server.on('request', (incoming, outgoing) => void listener(incoming, outgoing))
  server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head))
}

/**
 * The connection of a request that is answered before its body was read ends after the answer. An immediate end would reset
 * it while the answer is still in transit. Nothing more of the body is read meanwhile.
 */
function endUnread(incoming: IncomingMessage, response: Response): void {
  const { socket } = incoming
  dropBody(incoming)
  response.headers.set('connection', 'close')
  // The server calls this once the answer is written.
  socket.destroySoon = () => {
    socket.end()
    // After the server has resumed it to discard the rest, which may be megabytes.
    setImmediate(() => socket.pause())
    const late = setTimeout(() => socket.destroy(), unreadBodyMs)
    socket.once('close', () => clearTimeout(late))
  }
}

const tooMany = (): MeshError =>
  new MeshError('rate_limited', 'Cannot accept request: too many of this address are being served', {
    details: { retryAfterMs: 1_000 },
    hint: 'Try again in 1 s.',
  })

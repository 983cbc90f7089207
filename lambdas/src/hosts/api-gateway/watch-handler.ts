/** The WebSocket API: `$connect` accepts a signed request, `$disconnect` deletes it. Messages of watchers are not read. */
import { MeshError, toMeshError } from '@agent-mesh/protocol'
import { watchers } from '../../defaults.ts'
import type { ControlPlane } from '../../domain/control-plane.ts'
import type { Log } from '../../domain/log.ts'
import { admitWatcher } from '../../routes/admit-watcher.ts'
import { publicProblem } from '../../routes/problem.ts'
import { SourceLimit } from '../../routes/source-limit.ts'
import type { Clock } from '../../store/clock.ts'
import { viewerAddress, type ViewerProxy } from './viewer-address.ts'
import type { WatchConnections } from './watch-connections.ts'

export interface WatchEvent {
  headers?: Record<string, string | undefined>
  queryStringParameters?: Record<string, string | undefined> | null
  requestContext: {
    routeKey: string
    connectionId: string
    requestId?: string
    identity?: { sourceIp?: string }
  }
}

export interface WatchResult {
  statusCode: number
  headers?: Record<string, string>
  body?: string
}

export interface WatchHandlerInit {
  plane: () => Promise<Pick<ControlPlane, 'callers'>>
  connections: WatchConnections
  /** URL for watchers: they sign its path. */
  watchUrl: string
  /** The proxy before the WebSocket API; undefined: none. */
  proxy?: ViewerProxy | undefined
  clock: Clock
  log: Log
}

export function watchHandler(init: WatchHandlerInit) {
  const { log } = init
  const sources = new SourceLimit(() => init.clock.now())

  const connect = async (event: WatchEvent): Promise<WatchResult> => {
    const { connectionId: id, identity } = event.requestContext
    const url = signedUrl(init.watchUrl, event)
    const caller = await admitWatcher(await init.plane(), sources, {
      address: viewerAddress(event.headers ?? {}, identity?.sourceIp, init.proxy),
      authorization: header(event, 'authorization'),
      url,
    })
    const connections = init.connections
    await makeRoom(connections, caller.peerId)
    await connections.add({ id, peerId: caller.peerId, cursor: url.searchParams.get('since') ?? undefined })
    log.info({ event: 'watcher-connected', connection: id, peerId: caller.peerId }, 'watcher connected')
    return { statusCode: 200 }
  }

  return async (event: WatchEvent): Promise<WatchResult> => {
    const { routeKey, connectionId: id } = event.requestContext
    try {
      if (routeKey === '$connect') return await connect(event)
      if (routeKey === '$disconnect') await init.connections.remove(id)
      return { statusCode: 200 }
    } catch (thrown) {
      const error = toMeshError(thrown, 'internal', 'watch')
      const facts = { err: error, connection: id, route: routeKey }
      if (error.status >= 500) log.warn({ event: 'watcher-failed', ...facts }, 'watcher not answered')
      else log.debug({ event: 'watcher-refused', ...facts }, 'watcher refused')
      const headers = { 'content-type': 'application/problem+json' }
      return { statusCode: error.status, headers, body: JSON.stringify(publicProblem(error)) }
    }
  }
}

const header = ({ headers = {} }: WatchEvent, wanted: string): string | undefined =>
  Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1]

/** The event does not have the path: the WebSocket API has one. */
function signedUrl(watchUrl: string, { queryStringParameters }: WatchEvent): URL {
  const url = new URL(watchUrl)
  for (const [name, value] of Object.entries(queryStringParameters ?? {}))
    if (value !== undefined) url.searchParams.set(name, value)
  return url
}

/** A member's oldest connections make room for its newest. */
async function makeRoom(connections: WatchConnections, peerId: string): Promise<void> {
  const all = await connections.list()
  if (all.length >= watchers.most)
    throw new MeshError('overloaded', `Cannot watch: there are ${watchers.most} watchers already`)
  const own = all.filter(other => other.peerId === peerId).sort((a, b) => b.connectedAt - a.connectedAt)
  for (const { id } of own.slice(watchers.perMember - 1)) await connections.remove(id)
}

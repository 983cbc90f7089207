/**
 * Pushes changes to watchers. Started by the table's stream: by numbered changes of the map, by parts of the head, and by
 * new connections, which get everything they lack. Changes are read from the cursor of each watcher, so a repeated batch
 * pushes nothing twice, and the next batch makes up for a lost one.
 */
import { MeshError, type MapMessage, type MapPage } from '@agent-mesh/protocol'
import { setTimeout as wait } from 'node:timers/promises'
import { watchOpeningMs, watchTurnMs } from '../../defaults.ts'
import type { ControlPlane } from '../../domain/control-plane.ts'
import type { Log } from '../../domain/log.ts'
import { pushBytes, type Pusher } from './pusher.ts'
import type { WatchConnection, WatchConnections } from './watch-connections.ts'

export interface FanOutInit {
  plane: Pick<ControlPlane, 'head' | 'map' | 'mesh' | 'revocation'>
  connections: WatchConnections
  pusher: Pusher
  log: Log
}

export interface FanOutWork {
  /** Parts of the head changed: all watchers get the head. */
  head: boolean
  /** The map changed. */
  map: boolean
  /** New connections: they get the head too. */
  opened: readonly string[]
}

/** @returns how many messages were pushed, and to how many watchers */
export async function fanOut(
  init: FanOutInit,
  work: FanOutWork,
): Promise<{ pushes: number; watchers: number }> {
  const all = await init.connections.list()
  const due = work.head || work.map ? all : all.filter(({ id }) => work.opened.includes(id))
  const head = due.length === 0 ? undefined : await headMessage(init, work)
  const out = due.length > 0 && work.head ? await revokedPeers(init) : new Set<string>()
  const counts = await Promise.all(
    due.map(connection => {
      const withHead = work.head || work.opened.includes(connection.id)
      const how = out.has(connection.peerId) ? putOut : serve
      return how(init, connection, withHead ? head : undefined).catch((err: unknown) => {
        init.log.warn({ event: 'watcher-not-served', err, connection: connection.id }, 'watcher not served')
        return 0
      })
    }),
  )
  return { pushes: counts.reduce((sum, count) => sum + count, 0), watchers: all.length }
}

async function headMessage(
  { plane, log }: FanOutInit,
  { head, opened }: FanOutWork,
): Promise<string | undefined> {
  if (!head && opened.length === 0) return undefined
  const text = message({ type: 'head', head: await plane.head.signed() })
  if (Buffer.byteLength(text) <= pushBytes) return text
  log.warn(
    { event: 'head-too-large', bytes: text.length },
    'head too large to be pushed; watchers poll it each minute',
  )
  return undefined
}

const message = (content: MapMessage): string => JSON.stringify(content)

const revokedPeers = async ({ plane }: FanOutInit): Promise<Set<string>> =>
  new Set((await plane.revocation.list()).revoked.map(({ peerId }) => peerId))

/** A revoked watcher gets its revocation, and nothing after it. */
async function putOut(
  { pusher, connections, log }: FanOutInit,
  { id, peerId }: WatchConnection,
  head: string | undefined,
): Promise<number> {
  const told = head !== undefined && (await pusher.push(id, head))
  await connections.remove(id)
  await pusher.close(id)
  log.info({ event: 'watcher-revoked', connection: id, peerId }, 'watcher revoked')
  return told ? 1 : 0
}

/** Pushes all that one watcher lacks. */
async function serve(init: FanOutInit, { id }: WatchConnection, head: string | undefined): Promise<number> {
  const { connections } = init
  const send = async (connection: WatchConnection, text: string): Promise<boolean> => {
    if (await deliver(init, connection, text)) return true
    init.log.info({ event: 'watcher-gone', connection: id, peerId: connection.peerId }, 'watcher gone')
    await connections.remove(id)
    return false
  }
  let pushes = 0
  for (let first = head; ; first = undefined) {
    // Another process pushes: it checks again when it is done, so it sees this change too.
    const mine =
      first === undefined ? await connections.take(id, watchTurnMs) : await takeSoon(connections, id)
    if (mine === undefined) return pushes
    if (first !== undefined && !(await send(mine, first))) return pushes
    const { texts, cursor } = await nextMessages(init, mine.cursor)
    for (const text of texts) if (!(await send(mine, text))) return pushes
    pushes += texts.length + (first === undefined ? 0 : 1)
    await connections.release({ ...mine, cursor })
    if (texts.length === 0) return pushes
  }
}

/** A head is due to this watcher: waits for the right to push. */
async function takeSoon(connections: WatchConnections, id: string): Promise<WatchConnection | undefined> {
  for (let tries = 0; tries < 20; tries++) {
    const mine = await connections.take(id, watchTurnMs)
    if (mine !== undefined) return mine
    await wait(100)
  }
  return undefined
}

/** API Gateway answers "gone" for a connection whose handshake is not complete: pushes to a new one are tried again. */
async function deliver(
  { pusher, plane }: FanOutInit,
  connection: WatchConnection,
  text: string,
): Promise<boolean> {
  for (;;) {
    if (await pusher.push(connection.id, text)) return true
    if (plane.mesh.clock.now() - connection.connectedAt > watchOpeningMs) return false
    await wait(200)
  }
}

async function nextMessages(
  { plane }: FanOutInit,
  cursor: string | undefined,
): Promise<{ texts: string[]; cursor: string | undefined }> {
  try {
    const page = await plane.map.page(cursor, pushBytes - 1024)
    return { texts: page.next === cursor ? [] : [changes(page)], cursor: page.next }
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    // A cursor that cannot be read counts as none.
    if (error.code !== 'map_gap' && error.code !== 'invalid_argument') throw error
    const page = await plane.map.page(undefined, pushBytes - 1024)
    return { texts: [message({ type: 'restart' }), changes(page)], cursor: page.next }
  }
}

const changes = (page: MapPage): string => message({ type: 'changes', page })

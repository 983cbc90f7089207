/** The control plane in one process: HTTP and WebSocket over SQLite in a data folder, or a shared database. */
import { MeshError, type CreateTokenRequest, type HealthReply, type TokenView } from '@agent-mesh/protocol'
import { Recovery, type Act } from '@agent-mesh/protocol/recovery'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { pino } from 'pino'
import { changeFeed } from '../../domain/change-feed.ts'
import { controlPlane, type ControlPlane, type Readiness } from '../../domain/control-plane.ts'
import type { Log } from '../../domain/log.ts'
import { parsePublicUrl } from '../../domain/public-url.ts'
import { onceListening } from '../../domain/removal.ts'
import { takeUpRestored, type RestoredMesh } from '../../domain/restored-mesh.ts'
import { apiRouter, type RequestObserver } from '../../routes/api-router.ts'
import { operationsRouter } from '../../routes/operations-router.ts'
import { SourceLimit } from '../../routes/source-limit.ts'
import { connections, healthCheckMs } from '../../defaults.ts'
import { systemClock, type Clock } from '../../store/clock.ts'
import type { Store } from '../../store/store.ts'
import { backUp } from './backup/back-up.ts'
import { clearPendingRestore, restoreIsPending } from './backup/pending-restore.ts'
import { carriesMany } from './client-address.ts'
import { controlPlaneMetrics } from './control-plane-metrics.ts'
import { followStore } from './follow-store.ts'
import { firstAdmin, type FirstAdmin } from './first-admin.ts'
import { prepareFolder } from './first-start.ts'
import { housekeeping } from './housekeeping.ts'
import { closeServer, listen, urlOf, type ListenAddress } from './http-listener.ts'
import { localAuthority, type LocalAuthority, type RotatedKey } from './local-authority.ts'
import { refuseMissingFile } from './lost-store.ts'
import { openMesh } from './mesh-keys.ts'
import { describeStore, openStore, parseStoreChoice, type StoreChoice } from './open-store.ts'
import { serveHttp } from './serve-http.ts'
import { parseTrustedProxies, type TrustedProxies } from './trusted-proxies.ts'
import { WatchHub } from './watch-hub.ts'

export interface ControlPlaneOptions {
  /** Data folder: keys, admin identity, database. Made with mode 0700 when missing. */
  data: string
  listen: ListenAddress
  /** The store of the mesh; the keys stay in the data folder. @default SQLite in the data folder */
  store?: StoreChoice | string
  /** URL for members. @default the address it listens on */
  publicUrl?: string | undefined
  /** The database was restored from a backup: members accept its documents, older or not. @default false */
  restored?: boolean
  /**
   * The folder has served a mesh whose store is lost: begins again with its keys, and without members, tokens, policy and
   * audit. @default false: refuses to start on an empty store
   */
  emptyStore?: boolean
  clock?: Clock
  /** @default JSON lines on stderr */
  log?: Log
  /** The most agents and relays of the mesh. @default 5000 */
  maxMembers?: number
  /**
   * The reverse proxies in front of it, whose `X-Forwarded-For` or `Forwarded` has the sender: the number of hops, or their
   * networks, `10.0.0.0/8,192.0.2.7`. @default none
   */
  trustProxy?: string | undefined
  /** A request that is not complete by then is refused, ms. @default 30000 */
  requestMs?: number
}

export interface RunningControlPlane {
  /** URL that it listens on. */
  readonly url: string
  /** URL in join tokens. */
  readonly publicUrl: string
  readonly meshId: string
  /** The store of the mesh, without user and password. */
  readonly store: string
  /** Private key of the first admin, mode 0600. */
  readonly adminIdentityFile: string
  readonly adminPeerId: string
  /** Findings of a start as restored from a backup. */
  readonly restored?: RestoredMesh
  createToken(request: CreateTokenRequest): Promise<{ token: string; view: TokenView }>
  health(): Promise<HealthReply>
  /** Faults that do not stop it from answering. @throws MeshError when it cannot work */
  ready(): Promise<Readiness>
  /** What it did to recover, the oldest first. */
  acts(): readonly Act[]
  /**
   * The lines of a backup, for `writeBackup`: store and key files, so every secret of the mesh.
   * @throws MeshError unsupported on DynamoDB
   */
  backup(): AsyncGenerator<string, void, undefined>
  /** The operator vouches for its clock: what has expired by it is removed from now on. @throws MeshError conflict */
  confirmClock(): Promise<void>
  /**
   * Makes a new authority key. @param options.revoke the old ones were stolen: all their signatures become invalid
   * @throws MeshError conflict while another rotation is under way
   */
  rotateKey(options?: { revoke?: boolean }): Promise<RotatedKey>
  /** Lets running requests finish. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts it, makes the mesh and its first admin on the first start.
 * A start that fails before its mesh is made leaves the folder as it was.
 * @throws MeshError naming the file that is damaged, missing or readable to others; unavailable when it cannot listen
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<RunningControlPlane> {
  const {
    data,
    clock = systemClock,
    maxMembers,
    log = pino({ name: 'control-plane' }, pino.destination(2)),
  } = options
  // Refused before anything is opened.
  const proxies = options.trustProxy === undefined ? undefined : parseTrustedProxies(options.trustProxy)
  const givenUrl = options.publicUrl === undefined ? undefined : parsePublicUrl(options.publicUrl)
  const choice = choiceOf(options)
  const { emptyStore: empty = false } = options
  const sources = new SourceLimit(() => clock.now())
  const mostOf = (address: string): number =>
    carriesMany(address, proxies) || sources.hasMember(address)
      ? connections.perSource
      : connections.perStranger
  // Before anything is written: without a listener no mesh is made.
  const server = await listen({ ...options.listen, requestMs: options.requestMs, mostOf })
  const undo: ((failure: unknown) => Promise<void>)[] = [() => closeServer(server)]
  try {
    undo.unshift(await prepareFolder(data, choice))
    if (!empty) await refuseMissingFile(data, choice)
    const store = await openStore(choice, { clock, ...(maxMembers === undefined ? {} : { maxMembers }) })
    undo.unshift(() => store.close())
    // Members hold newer documents than an empty store too.
    const asked = options.restored === true || empty || (await restoreIsPending(data))
    const { ring, ...own } = await openMesh({ data, store, clock, restored: asked, empty })
    const changes = changeFeed()
    const restored = asked ? await takeUpRestored({ store, clock, ring, changes }, 'operator') : undefined
    await clearPendingRestore(data)
    const publicUrl = givenUrl ?? urlOf(server)
    const { keys, signer } = ring
    const { meshId } = keys
    const mesh = { meshId, keys, signer, ring, store, clock, changes, publicUrl }
    const authority = localAuthority({ ...mesh, ...own })
    const plane = controlPlane(mesh)
    const running = await serve({ plane, server, store, log, data, choice, authority, proxies, sources })
    return restored === undefined ? running : { ...running, restored }
  } catch (error) {
    for (const step of undo) await step(error)
    throw error
  }
}

const choiceOf = ({ store, data }: ControlPlaneOptions): StoreChoice =>
  typeof store === 'string'
    ? parseStoreChoice(store)
    : (store ?? { kind: 'sqlite', file: join(data, 'control-plane.db') })

interface Serving {
  plane: ControlPlane
  server: Server
  store: Store
  log: Log
  data: string
  choice: StoreChoice
  authority: LocalAuthority
  proxies: TrustedProxies | undefined
  sources: SourceLimit
}

async function serve({
  plane,
  server,
  store,
  log,
  data,
  choice,
  authority,
  proxies,
  sources,
}: Serving): Promise<RunningControlPlane> {
  const hub = new WatchHub({ plane, sources, log })
  const recovery = new Recovery({ log, now: () => plane.mesh.clock.now() })
  const metrics = controlPlaneMetrics(plane, {
    watchers: () => hub.size,
    recoveries: () => recovery.counts(),
  })
  const app = apiRouter({ plane, sources, observe: both(metrics.observe, requestLog(log)) })
  const operated = { ready: () => plane.ready(), metrics: () => metrics.text(), description: readDescription }
  app.route('/', operationsRouter(operated))
  serveHttp({
    server,
    fetch: (request, origin) => app.fetch(request, origin),
    hub,
    proxies,
    mostOf: address => (sources.hasMember(address) ? connections.perSource : connections.perStranger),
  })
  const admin = await firstAdmin(data, plane)
  hub.start()
  const stopTasks = startTasks({ plane, authority, admin, log })
  const unfollow = followStore({ store, recovery, log, changes: plane.mesh.changes })
  const { meshId, publicUrl } = plane.mesh
  const url = urlOf(server)
  const facts = { url, publicUrl, meshId, store: describeStore(choice) }
  log.info({ event: 'control-plane-started', ...facts }, 'control plane started')

  const stop = async (): Promise<void> => {
    // Watchers are disconnected first: their connections would keep the server open.
    unfollow()
    await Promise.all([hub.stop(), closeServer(server)])
    await stopTasks()
    metrics.stop()
    await store.close()
    log.info({ event: 'control-plane-stopped', meshId }, 'control plane stopped')
  }
  let stopped: Promise<void> | undefined
  return {
    ...facts,
    adminIdentityFile: admin.file,
    adminPeerId: admin.peerId,
    createToken: request => plane.tokens.create(request, 'operator'),
    health: () => plane.health(),
    ready: () => plane.ready(),
    acts: () => recovery.acts(),
    confirmClock: () => plane.time.confirm('operator'),
    backup: () => backUp({ ...plane.mesh, data }),
    rotateKey: ({ revoke = false } = {}) => authority.rotate({ revoke, by: 'operator' }),
    stop: () => (stopped ??= stop()),
  }
}

/** Starts periodic tasks: rare ones, and those of each minute. @returns a function that stops them */
function startTasks({
  plane,
  authority,
  admin,
  log,
}: Pick<Serving, 'plane' | 'authority' | 'log'> & { admin: FirstAdmin }): () => Promise<void> {
  const removeOffline = onceListening(plane.mesh.clock, () => plane.removeOffline(), healthCheckMs)
  const chores = housekeeping(
    {
      garbage: () => sweepOrSay(plane, log),
      audit: () => sealOrSay(plane, log),
      admin: () => admin.renewWhenDue(),
    },
    log,
  )
  const roundups = housekeeping(
    {
      keys: () => authority.settle(),
      offline: async () => void (await removeOffline()),
      health: () => plane.healthHistory.record(),
    },
    log,
    healthCheckMs,
  )
  return async () => void (await Promise.all([chores.stop(), roundups.stop()]))
}

async function sweepOrSay(plane: ControlPlane, log: Log): Promise<void> {
  await plane.collectGarbage()
  const warning = plane.time.warning()
  if (warning !== undefined) log.warn({ event: 'sweep-stopped', warning }, 'sweep stopped')
}

async function sealOrSay({ auditSeal }: ControlPlane, log: Log): Promise<void> {
  await auditSeal.seal()
  const warning = auditSeal.warning()
  if (warning !== undefined) log.error({ event: 'audit-not-signed', warning }, 'audit not signed')
}

const both =
  (...observers: RequestObserver[]): RequestObserver =>
  request => {
    for (const observe of observers) observe(request)
  }

/** Defects are logged as errors; faults of callers as debug. */
const requestLog =
  (log: Log): RequestObserver =>
  ({ error, ...request }) => {
    const expected = error === undefined || (error instanceof MeshError && error.code !== 'internal')
    if (!expected) log.error({ err: error, ...request, event: 'request-failed' }, 'request failed')
    else if (request.status >= 500)
      log.warn({ err: error, ...request, event: 'request-unavailable' }, 'request not answered')
    else log.debug({ ...request, event: 'request-answered' }, 'request')
  }

async function readDescription(): Promise<object> {
  const { default: description } = await import('@agent-mesh/protocol/openapi.json', {
    with: { type: 'json' },
  })
  return description
}

import {
  describeStore,
  parseStoreChoice,
  startControlPlane,
  type ListenAddress,
  type RunningControlPlane,
  type StoreChoice,
} from '@agent-mesh/lambdas'
import { MeshError, toMeshError, version } from '@agent-mesh/protocol'
import type { LocalStatus } from '@agent-mesh/protocol/local-api'
import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

import { readContext, writeContext, type Context } from '../data/context-file.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { commandLines } from '../show/command-lines.ts'
import type { Output } from '../show/output.ts'
import { restoredText } from '../show/restored.ts'
import type { Text } from '../show/text.ts'
import { daemonLog, type LogFlags } from './daemon-log.ts'
import { liveLogLevel } from './reload.ts'
import type { StartedDaemon } from './run-daemon.ts'

export interface ControlPlaneFlags extends LogFlags {
  folder: string
  listen: ListenAddress
  publicUrl: string | undefined
  /** `sqlite:FILE`, `postgres:URL`, `dynamodb:TABLE`. */
  store: string | undefined
  createTable: boolean
  restored: boolean
  emptyStore: boolean
  /** A number of hops, or networks. */
  trustProxy: string | undefined
}

/** Starts the control plane and makes its folder the context of its admin. @throws MeshError */
export async function startControlPlaneDaemon(init: ControlPlaneFlags): Promise<StartedDaemon> {
  const { folder, listen, publicUrl } = init
  const startedAt = Date.now()
  const store = storeOf(init)
  const log = daemonLog('control-plane', init)
  const running = await startControlPlane({
    data: folder,
    listen,
    publicUrl,
    restored: init.restored,
    emptyStore: init.emptyStore,
    trustProxy: init.trustProxy,
    ...(store === undefined ? {} : { store }),
    log,
  })
  const { url, meshId, adminIdentityFile } = running
  const members = lastKnownMembers(running)
  try {
    await members()
    const { publicUrl: told } = running
    const elsewhere = told === url ? {} : { publicUrl: told }
    await keepContext(folder, { url, ...elsewhere, meshId, admin: basename(adminIdentityFile) })
  } catch (error) {
    await running.stop()
    throw error
  }
  return {
    local: localControlPlane(running, members, startedAt),
    ready: {
      fields: {
        url,
        publicUrl: running.publicUrl,
        meshId,
        admin: adminIdentityFile,
        ...(store === undefined ? {} : { store: describeStore(store) }),
        ...(running.restored === undefined ? {} : { restored: running.restored }),
      },
      text: (output, flags) => howToJoin(running, { folder, flags }, output),
    },
    live: liveLogLevel(log),
    stop: () => running.stop(),
  }
}

/** Written only when it changed: a start that changes nothing needs no room on the disk. */
async function keepContext(folder: string, context: Omit<Context, 'version'>): Promise<void> {
  const known = await readContext(folder).catch(() => undefined)
  const { version: _, ...before } = known ?? {}
  if (!isDeepStrictEqual(before, context)) await writeContext(folder, context)
}

function storeOf({ store, createTable }: ControlPlaneFlags): StoreChoice | undefined {
  const choice = store === undefined ? undefined : parseStoreChoice(store)
  if (!createTable) return choice
  if (choice?.kind === 'dynamodb') return { ...choice, createTable }
  throw new MeshError('invalid_argument', 'Cannot use --create-table: the store is not dynamodb:TABLE')
}

function howToJoin(
  running: RunningControlPlane,
  { folder, flags }: { folder: string; flags: string },
  output: Output,
): Text {
  const { url, publicUrl, meshId, adminIdentityFile, restored } = running
  return [
    `${output.style('green', 'The control plane runs')} at ${url}${publicUrl === url ? '' : `, for members at ${publicUrl}`}.`,
    `mesh            ${meshId}`,
    `data            ${folder} (keep a copy: it holds the keys of the mesh)`,
    `admin identity  ${adminIdentityFile}`,
    '',
    'To let a machine join:',
    ...commandLines(
      [`agent-mesh${flags} token create`, 'here: prints a token'],
      ['agent-mesh up --join TOKEN', 'on that machine (on this one, add --context NAME)'],
    ),
    '',
    'To let a relay join:',
    ...commandLines(
      [`agent-mesh${flags} token create --role relay`, 'here: prints a token'],
      ['agent-mesh relay --join TOKEN --announce PUBLIC-ADDRESS:4001', 'on the machine of the relay'],
    ),
    ...(restored === undefined ? [] : ['', ...restoredText(restored, flags)]),
    '',
    'Ctrl-C stops the control plane.',
  ]
}

function localControlPlane(running: RunningControlPlane, members: Members, startedAt: number): LocalDaemon {
  return {
    status: () => statusOf(running, members, startedAt),
    peers: () => notHere('list peers'),
    services: () => notHere('list services'),
    call: () => notHere('call'),
    callAll: () => notHere('call'),
    ping: () => notHere('ping'),
    path: () => notHere('show a path'),
    backup: () => running.backup(),
    confirmClock: async () => {
      await running.confirmClock()
      return { now: Date.now() }
    },
    rotateKey: async options => ({ ...(await running.rotateKey(options)) }),
  }
}

function notHere(action: string): Promise<never> {
  const message = `Cannot ${action}: a control plane runs in this context, not an agent`
  return Promise.reject(
    new MeshError('unsupported', message, { hint: 'Name the context of an agent with --context NAME.' }),
  )
}

/** Warnings, and whether it works all the same: its one check is the store. */
async function readinessOf(
  running: RunningControlPlane,
): Promise<Pick<LocalStatus, 'ready' | 'warnings' | 'checks'>> {
  const since = Date.now()
  try {
    const { warnings } = await running.ready()
    return { ready: true, warnings, checks: [{ name: 'store', level: 'passing', since }] }
  } catch (error) {
    const { message } = toMeshError(error, 'internal', 'answer')
    const reason = `${message} (${running.store})`
    return { ready: false, warnings: [reason], checks: [{ name: 'store', level: 'failing', reason, since }] }
  }
}

type Members = () => Promise<LocalStatus['members']>

/** By the last answer of the store: when that does not answer, the check `store` says so, and the rest of the status is still shown. */
function lastKnownMembers(running: RunningControlPlane): Members {
  let last = { known: 0, online: 0 }
  return async () => {
    const health = await running.health().catch(() => undefined)
    if (health !== undefined) last = sumOf(health.regions)
    return last
  }
}

const sumOf = (regions: readonly { members: number; online: number }[]) => ({
  known: regions.reduce((sum, { members }) => sum + members, 0),
  online: regions.reduce((sum, { online }) => sum + online, 0),
})

async function statusOf(
  running: RunningControlPlane,
  members: Members,
  startedAt: number,
): Promise<LocalStatus> {
  return {
    kind: 'control-plane',
    version,
    pid: process.pid,
    startedAt,
    meshId: running.meshId,
    ...(await readinessOf(running)),
    acts: running.acts().map(act => ({ ...act })),
    controlPlane: { url: running.publicUrl, reachable: true },
    relays: [],
    addrs: [running.url],
    services: [],
    members: await members(),
    links: { direct: 0, webrtc: 0, relay: 0 },
  }
}

/**
 * What the processes of the built command cost without calls: memory, CPU and bytes of an agent with two links
 * (its relay, another agent), memory of relay and control plane. Before that, how long a bundled program that is
 * enrolled already needs until its agent is there, and until its first call is answered.
 */
import { controlPlaneClient, loadIdentity } from '@agent-mesh/agent'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Bench, BenchOptions } from '../bench.ts'
import { commandFile, CommandProcess } from '../fleet/command-process.ts'
import { OwnNetwork } from './own-network.ts'
import { programStarts } from './program-starts.ts'

const run = promisify(execFile)
/** Until what the start left behind is collected, and then as long as it is measured, seconds. */
const [settleSeconds, restSeconds] = [60, 300]
/** Limits in CI: on a machine that does other work CPU and times are twice those of a quiet one. */
const most = {
  agent_rss_mb: 95,
  agent_cpu_percent: 0.6,
  bytes_per_minute: 10_000,
  start_ms: 1_000,
  first_call_ms: 1_400,
} as const

/** Bytes a minute of a member for which each byte costs. */
const meteredMost = 2_000

const round = (value: number, digits: number): number => Number(value.toFixed(digits))

/** The processes of the mesh, all in folders below `folder`. */
interface Site {
  folder: string
  network: OwnNetwork
  processes: CommandProcess[]
}

async function start(site: Site, name: string, args: string[], within: readonly string[]) {
  const process = new CommandProcess(join(site.folder, name), args, within)
  site.processes.push(process)
  const ready = await process.ready
  if (ready === undefined) throw new Error(`Cannot start ${name}: ${process.said}`)
  return { process, ready }
}

/** @param options of the resting agent */
async function openMesh(site: Site, options: readonly string[]) {
  const { network } = site
  const plane = await start(
    site,
    'control-plane',
    ['control-plane', '--listen', `${network.hubAddress}:0`],
    network.atHub,
  )
  const { signer } = await loadIdentity(plane.process.data, 'admin-identity.json')
  const [url, meshId] = [String(plane.ready['url']), String(plane.ready['meshId'])]
  const admin = controlPlaneClient({ url, meshId, signer })
  const token = async (role: 'agent' | 'relay') => (await admin.createToken({ uses: 1, roles: [role] })).token
  const member = async (
    command: 'up' | 'relay',
    name: string,
    place: { address: string; within: readonly string[] },
    more: readonly string[] = [],
  ) => {
    const joining = ['--join', await token(command === 'up' ? 'agent' : 'relay'), '--name', name]
    const args = [command, ...joining, '--listen', `/ip4/${place.address}/tcp/0`, ...more]
    return (await start(site, name, args, place.within)).process
  }
  const hub = { address: network.hubAddress, within: network.atHub }
  const relay = await member('relay', 'relay', hub)
  const resting = await member('up', 'resting', network, options)
  await member('up', 'other', hub)
  return { controlPlane: plane.process, relay, resting, token }
}

type Mesh = Awaited<ReturnType<typeof openMesh>>

async function atRest(
  { controlPlane, relay, resting }: Mesh,
  network: OwnNetwork,
  say: BenchOptions['progress'],
) {
  // The second of its two links.
  const call = ['call', 'host.info', '--peer', 'other', '--data', resting.data]
  await run(process.execPath, [commandFile, ...call])
  say(`settling for ${settleSeconds} s`)
  await wait(settleSeconds * 1_000)
  const [cpu, bytes, began] = [resting.cpu, await network.bytes(), performance.now()]
  say(`measuring for ${restSeconds} s`)
  await wait(restSeconds * 1_000)
  const seconds = (performance.now() - began) / 1_000
  return {
    agent_rss_mb: round(resting.rssMb, 1),
    agent_cpu_percent: round(((resting.cpu - cpu) / seconds) * 100, 2),
    relay_rss_mb: round(relay.rssMb, 1),
    control_plane_rss_mb: round(controlPlane.rssMb, 1),
    bytes_per_minute: round(((await network.bytes()) - bytes) / (seconds / 60), 0),
  }
}

/** The figures of an agent that tells others to probe it seldom. @throws Error in CI when it takes more bytes than it may */
async function metered(site: Site, say: BenchOptions['progress']) {
  const figures = await atRest(await openMesh(site, ['--preset', 'metered']), site.network, say)
  if (figures.bytes_per_minute > meteredMost && process.env['CI'] === 'true')
    throw new Error(`over the limit (${meteredMost} bytes a minute): ${JSON.stringify(figures)}`)
  return { bench: 'rest', preset: 'metered', ...figures }
}

/** @throws Error in CI naming what is over its limit */
function hold(figures: Record<keyof typeof most, number>): void {
  const over = Object.entries(most).filter(([name, limit]) => figures[name as keyof typeof most] > limit)
  if (over.length > 0 && process.env['CI'] === 'true')
    throw new Error(
      `over the limit (${JSON.stringify(Object.fromEntries(over))}): ${JSON.stringify(figures)}`,
    )
}

export const rest: Bench = {
  about:
    'memory, CPU and bytes of processes at rest, start of a bundled program (7 min; --part metered: where each byte costs; Linux, root)',
  async run({ progress, part }) {
    await run(process.execPath, [join(import.meta.dirname, '../../../cli/build/build.ts')])
    const folder = await mkdtemp(join(tmpdir(), 'rest-'))
    const site: Site = { folder, network: await OwnNetwork.open(), processes: [] }
    try {
      if (part === 'metered') return await metered(site, progress)
      const mesh = await openMesh(site, [])
      const starts = await programStarts(join(folder, 'program'), await mesh.token('agent'), 'other')
      const figures = { ...(await atRest(mesh, site.network, progress)), ...starts }
      hold(figures)
      return { bench: 'rest', ...figures }
    } finally {
      await Promise.all(site.processes.map(process => process.end()))
      await site.network.end()
      await rm(folder, { recursive: true, force: true })
    }
  },
}

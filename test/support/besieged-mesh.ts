/** Members that work while many strangers connect to them, and the cost of that. */
import type { Agent } from '@agent-mesh/agent'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import type { AttackedMesh } from './attacked-mesh.ts'
import type { Swarm, SwarmReport } from './stranger-swarm.ts'

export interface Siege {
  /** Calls answered meanwhile, milliseconds, in order of length. */
  calls: number[]
  /** Calls that failed. */
  failed: number
  /** Requests to the control plane answered meanwhile, milliseconds, in order of length. */
  requests: number[]
  /** Resident memory gained at most, MiB. */
  gainedMiB: number
  report: SwarmReport
  seconds: number
}

export interface SiegeInit {
  mesh: AttackedMesh
  caller: Agent
  callee: Agent
  doors: Swarm['doors']
  counts: Swarm['counts']
  /** Strangers stay this long once all have come, milliseconds. */
  holdMs: number
  /** What else is to be done meanwhile. */
  meanwhile?: () => Promise<void>
}

export const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN

/** Lets the strangers connect, stay and leave, and observes the members throughout. */
export async function besiege(init: SiegeInit): Promise<Siege> {
  const { mesh, counts, doors, holdMs, meanwhile } = init
  const { hostname, port } = new URL(mesh.plane.url)
  const swarm: Swarm = { doors, counts, http: { host: hostname, port: Number(port) }, from: '127.0.0.2' }
  const began = performance.now()
  const watch = watchMembers(init)
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'stranger-swarm.ts'), JSON.stringify(swarm)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  try {
    await lines.next()
    await meanwhile?.()
    await wait(holdMs)
    child.stdin.end()
    const { value } = (await lines.next()) as { value?: string }
    const report = JSON.parse(value ?? '{}') as SwarmReport
    return { ...(await watch.stop()), report, seconds: (performance.now() - began) / 1000 }
  } finally {
    await watch.stop()
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}

/** One call and one request at a time, one after the other. */
function watchMembers({ mesh, caller, callee }: SiegeInit) {
  const seen = { calls: [] as number[], requests: [] as number[], failed: 0, gainedMiB: 0 }
  const before = process.memoryUsage().rss
  let stopped = false
  const repeat = async (into: number[], ask: () => Promise<unknown>) => {
    while (!stopped) {
      const began = performance.now()
      await ask().then(
        () => into.push(performance.now() - began),
        () => seen.failed++,
      )
      seen.gainedMiB = Math.max(seen.gainedMiB, (process.memoryUsage().rss - before) / 1024 ** 2)
      await wait(10)
    }
  }
  const running = Promise.all([
    repeat(seen.calls, () => caller.call('host.info', {}, { peer: callee.peerId, timeout: 60_000 })),
    repeat(seen.requests, async () => {
      const { status } = await mesh.ask(mesh.admin, 'GET', '/v1/revocations')
      if (status !== 200) throw new Error(`answered ${status}`)
    }),
  ])
  return {
    stop: async () => {
      stopped = true
      await running
      for (const list of [seen.calls, seen.requests]) list.sort((a, b) => a - b)
      return seen
    },
  }
}

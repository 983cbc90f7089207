import { localClient } from '../local/local-client.ts'
import { callAllPairs, countPaths, type PairCall, type CallPath } from './calls.ts'
import { demoDefaults } from './defaults.ts'
import type { FoundPath } from './found-path.ts'
import { startDemoMesh, type DemoMesh } from './demo-mesh.ts'

export interface DemoSummary {
  /** Agents and relays enrolled. */
  members: number
  /** Every ordered pair of agents before and after the first relay was killed. */
  calls: { ok: number; failed: number }
  /** Of the last call of each pair. */
  paths: Record<CallPath, number>
  /** How the agents without an address reached each other. */
  found: FoundPath
  seconds: number
}

/** One round of the demo: start, call, kill a relay, call again, stop. */
export async function demoOnce(
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<{ summary: DemoSummary; well: boolean; calls: readonly PairCall[] }> {
  const began = performance.now()
  const mesh = await startDemoMesh(say, signal)
  try {
    say('Calling between every pair of agents')
    const before = await callAllPairs(mesh.agents, signal)
    const { members } = await localClient(mesh.controlPlane.data, signal).status()
    const fleet = await askFleet(mesh, signal)
    say(`Killing ${mesh.relays[0]?.name} and calling again`)
    await mesh.relays[0]?.stop('SIGKILL')
    const after = await callAllPairs(mesh.agents, signal)
    const calls = [...before, ...after]
    for (const call of calls) if (!call.ok) say(`${call.from} -> ${call.to}: ${call.reason}`)
    say('Stopping')
    await mesh.stop()
    const summary = summarise(members.known, calls, after, mesh.found, began)
    return { summary, well: isWell(summary, fleet), calls: after }
  } finally {
    await mesh.stop()
  }
}

function summarise(
  members: number,
  calls: PairCall[],
  after: PairCall[],
  found: FoundPath,
  began: number,
): DemoSummary {
  const ok = calls.filter(call => call.ok).length
  return {
    members,
    calls: { ok, failed: calls.length - ok },
    paths: countPaths(after),
    found,
    seconds: Math.round((performance.now() - began) / 100) / 10,
  }
}

/** How many agents answered the first agent's question to all. */
async function askFleet({ agents }: DemoMesh, signal: AbortSignal): Promise<number> {
  const first = agents[0]
  if (first === undefined) return 0
  const request = { method: 'host.info', timeoutMs: demoDefaults.callMs, idempotent: true }
  const { results } = await localClient(first.data, signal).callAll(request)
  return results.filter(result => result.ok).length
}

function isWell({ members, calls, found }: DemoSummary, fleet: number): boolean {
  const { agents, relays } = demoDefaults
  return (
    members === agents.length + relays.length &&
    calls.failed === 0 &&
    calls.ok === 2 * agents.length * (agents.length - 1) &&
    fleet >= agents.length - 1 &&
    found.seen.some(({ path }) => path !== 'relay')
  )
}

/** What most scenarios begin with: a mesh with two agents that have the path they can have. */
import { setTimeout as delay } from 'node:timers/promises'
import { expectedPaths, type Path } from '../expected-paths.ts'
import type { Kind } from '../kinds.ts'
import type { LabMesh, Running, RunningAgent } from '../mesh.ts'
import { bestPath } from '../pair.ts'
import type { ScenarioTools } from '../scenario.ts'
import { until } from '../until.ts'

export interface PairMesh {
  mesh: LabMesh
  from: RunningAgent
  to: RunningAgent
  /** What they have now. */
  path: Path | undefined
}

/** A final path is there by then, ms. */
const settleMs = 15_000

export async function pairMesh(tools: ScenarioTools, a: Kind, b: Kind): Promise<PairMesh> {
  const mesh = await tools.startMesh()
  const hosts = [await tools.topology.host(`${a}-1`, a), await tools.topology.host(`${b}-2`, b)]
  const [from, to] = await mesh.addAgents(hosts)
  if (from === undefined || to === undefined) throw new Error([...mesh.failed.values()].join('; '))
  await mesh.converged()
  await from.api.call({ method: 'lab.echo', params: 1, peer: to.site.name, timeoutMs: 10_000 })
  const path = await settledPath(from, to)
  tools.say(`${from.site.name} reaches ${to.site.name}: ${path ?? 'no path'}`)
  return { mesh, from, to, path }
}

/** The path once it is one that these kinds can do better than a relay, else what there is after a while. */
export async function settledPath(from: RunningAgent, to: RunningAgent): Promise<Path | undefined> {
  const expected = expectedPaths(from.site.kind, to.site.kind)
  await until(
    async () => {
      const path = await bestPath(from, to)
      return path !== undefined && expected.includes(path)
    },
    settleMs,
    100,
  )
  return bestPath(from, to)
}

/** Says so when a pair ends on a worse path than its kinds allow. */
export const worsePath = (
  { site: { kind: a } }: RunningAgent,
  { site: { kind: b } }: RunningAgent,
  path?: Path,
) => (path !== undefined && expectedPaths(a, b).includes(path) ? [] : [`the final path is ${path ?? 'none'}`])

/** The relay that calls of a relayed pair go through now. */
export async function relayBetween(
  { relays }: LabMesh,
  from: RunningAgent,
  to: RunningAgent,
): Promise<Running> {
  const { links } = await from.api.path(to.site.name)
  for (const relay of relays) if ((await relay.process.ready)['peerId'] === links[0]?.relay) return relay
  throw new Error(`Cannot find the relay between ${from.site.name} and ${to.site.name}`)
}

/** Lets calls run. */
export const seconds = (count: number): Promise<void> => delay(count * 1_000)

import { toMeshError } from '@agent-mesh/protocol'
import { unplug } from '../faults.ts'
import { bestPath } from '../pair.ts'
import type { Scenario } from '../scenario.ts'
import { until } from '../until.ts'

/** Agents that start on one network find each other by then, ms. */
const foundMs = 15_000

export const lanWithoutInternet: Scenario = {
  about:
    'Two agents of one network start while it has no Internet: no control plane, no relay; they find each other.',
  run: async ({ topology, startMesh, say }) => {
    const mesh = await startMesh()
    const first = await topology.host('lan-1', 'cone')
    const [from, to] = await mesh.addAgents([first, await topology.neighbour(first, 'lan-2')])
    if (from === undefined || to === undefined) throw new Error([...mesh.failed.values()].join('; '))
    await mesh.converged()
    say('Cutting the Internet and starting both anew')
    await unplug(first)
    await Promise.all([mesh.end(from), mesh.end(to)])
    await Promise.all([mesh.restart(from), mesh.restart(to)])
    let why = ''
    const found_ms = await until(async () => {
      const call = { method: 'lab.echo', params: 1, peer: to.site.name, timeoutMs: 2_000, idempotent: true }
      return from.api.call(call).then(
        () => true,
        (error: unknown) => {
          why = toMeshError(error, 'internal', 'call').message
          return false
        },
      )
    }, foundMs)
    const path = await bestPath(from, to)
    return {
      figures: { found_ms: found_ms === undefined ? null : Math.round(found_ms), path },
      wrong: [
        ...(found_ms === undefined ? [`not found within ${foundMs} ms: ${why}`] : []),
        ...(path === 'direct' ? [] : [`the path is ${path ?? 'none'}`]),
      ],
    }
  },
}

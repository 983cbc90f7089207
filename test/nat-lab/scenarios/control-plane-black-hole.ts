import { blackHole } from '../faults.ts'
import { judge } from '../judge-calls.ts'
import type { Scenario } from '../scenario.ts'
import { Traffic } from '../traffic.ts'
import { until } from '../until.ts'
import { pairMesh, seconds } from './pair-mesh.ts'

/** An agent that starts from its disk is called by then, ms, on a busy machine. */
const coldStartMs = 15_000

export const controlPlaneBlackHole: Scenario = {
  about:
    'The control plane swallows every packet: calls go on, and an agent that starts anew is back from its disk.',
  run: async tools => {
    const { mesh, from, to } = await pairMesh(tools, 'cone', 'tcp-443')
    const end = await blackHole(mesh.controlPlane.site.namespace)
    const traffic = new Traffic(from, to)
    await seconds(5)
    const { calls, errors, slowest_ms } = judge(await traffic.stop(), 0)
    await mesh.end(to)
    const began = Traffic.now()
    await mesh.restart(to)
    const ready_ms = Math.round(Traffic.now() - began)
    const call = { method: 'lab.echo', params: 1, peer: to.site.name, timeoutMs: 2_000, idempotent: true }
    const called_ms = await until(
      () =>
        from.api.call(call).then(
          () => true,
          () => false,
        ),
      coldStartMs,
    )
    await end()
    return {
      figures: {
        calls,
        errors,
        slowest_ms,
        ready_ms,
        called_ms: called_ms === undefined ? null : Math.round(called_ms),
      },
      wrong: [
        ...(Object.keys(errors).length > 0 ? [`calls failed: ${JSON.stringify(errors)}`] : []),
        ...(called_ms === undefined ? [`nobody could call it within ${coldStartMs} ms of its start`] : []),
      ],
    }
  },
}

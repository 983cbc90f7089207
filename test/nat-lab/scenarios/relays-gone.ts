import { judge } from '../judge-calls.ts'
import { outcomeOf, type Scenario } from '../scenario.ts'
import { Traffic } from '../traffic.ts'
import { pairMesh, seconds, settledPath } from './pair-mesh.ts'

/** Relayed calls go on so soon after the relays are back, ms: agents dial them each few seconds. */
const backMs = 10_000
/** A direct call that takes longer was disturbed, ms. */
const undisturbedMs = 2_000

export const relaysGone: Scenario = {
  about: 'Both relays are killed and come back: direct paths notice nothing, relayed calls go on afterwards.',
  run: async tools => {
    const { mesh, from, to } = await pairMesh(tools, 'open', 'tcp-443')
    const [near] = await mesh.addAgents([await tools.topology.host('open-3', 'open')])
    if (near === undefined) throw new Error([...mesh.failed.values()].join('; '))
    await mesh.converged()
    await from.api.call({ method: 'lab.echo', params: 1, peer: near.site.name, timeoutMs: 10_000 })
    const near_path = await settledPath(from, near)
    const [relayed, direct] = [new Traffic(from, to), new Traffic(from, near)]
    await seconds(2)
    const goneAt = Traffic.now()
    await Promise.all(mesh.relays.map(relay => mesh.end(relay, 'SIGKILL')))
    await seconds(4)
    await Promise.all(mesh.relays.map(relay => mesh.restart(relay)))
    const backAt = Traffic.now()
    await seconds(8)
    const beside = judge(await direct.stop(), goneAt)
    const { figures, wrong } = outcomeOf(await relayed.stop(), backAt, { withinMs: backMs })
    const disturbed = beside.idempotent_failed + beside.others_failed > 0 || beside.slowest_ms > undisturbedMs
    return {
      figures: {
        ...figures,
        near_path,
        away_ms: Math.round(backAt - goneAt),
        direct_slowest_ms: beside.slowest_ms,
        direct_errors: beside.errors,
      },
      wrong: [...wrong, ...(disturbed ? ['calls on a direct path were disturbed'] : [])],
    }
  },
}

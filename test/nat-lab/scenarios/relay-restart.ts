import { judge } from '../judge-calls.ts'
import { outcomeOf, type Scenario } from '../scenario.ts'
import { Traffic } from '../traffic.ts'
import { pairMesh, relayBetween, seconds } from './pair-mesh.ts'

/** Agents behind a relay that was killed are reachable through their standby by then, ms. */
const standbyMs = 5_000

export const relayRestart: Scenario = {
  about:
    'The relay that calls go through is told to end and comes back, then it is killed: calls go through relays all along.',
  run: async tools => {
    const { mesh, from, to } = await pairMesh(tools, 'tcp-443', 'tcp-443')
    const drained = new Traffic(from, to)
    await seconds(2)
    const relay = await relayBetween(mesh, from, to)
    const drainAt = Traffic.now()
    await mesh.end(relay)
    const drain_ms = Math.round(Traffic.now() - drainAt)
    await mesh.restart(relay)
    await seconds(1)
    const drain = judge(await drained.stop(), drainAt)
    await mesh.converged()
    const traffic = new Traffic(from, to)
    await seconds(2)
    const victim = await relayBetween(mesh, from, to)
    const faultAt = Traffic.now()
    await mesh.end(victim, 'SIGKILL')
    await seconds(6)
    const killed = outcomeOf(await traffic.stop(), faultAt, { withinMs: standbyMs })
    await mesh.restart(victim)
    const lost = drain.idempotent_failed + drain.others_failed
    const drained_wrong =
      lost > 0 ? [`${lost} calls were lost while the relay drained: ${JSON.stringify(drain.errors)}`] : []
    return {
      figures: { ...killed.figures, drain_ms, drain_calls: drain.calls, drain_lost: lost },
      wrong: [...killed.wrong, ...drained_wrong],
    }
  },
}

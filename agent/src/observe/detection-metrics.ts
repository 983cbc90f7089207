/** What failure detection did, for metrics. */
import { Counter, Gauge, type Registry } from 'prom-client'

/** @param health 0 (well) to 7: how far its own judgement is to be trusted */
export function observeDetection(registry: Registry, health: () => number) {
  const registers = [registry]
  const judged = new Counter({
    name: 'agent_mesh_members_judged_dead_total',
    help: 'Members that this one judged dead',
    registers,
  })
  const refuted = new Counter({
    name: 'agent_mesh_own_deaths_refuted_total',
    help: 'Times this member signed a new record because others held it for silent or dead',
    registers,
  })
  new Gauge({
    name: 'agent_mesh_local_health',
    help: 'How far this member trusts its own judgement of others: 0 well, 7 poor',
    registers,
    collect() {
      this.set(health())
    },
  })
  return { judged: () => judged.inc(), refuted: () => refuted.inc() }
}

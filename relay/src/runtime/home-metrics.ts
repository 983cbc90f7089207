/** Whom a relay serves as a home, and whether it is up to date itself, for Prometheus. */
import type { Member } from '@agent-mesh/agent'

export interface HomeState {
  homed(): number
  subscribers(): number
  watching(): boolean
}

export function homeMetrics(metrics: Member['metrics'], { homed, subscribers, watching }: HomeState): void {
  metrics.gauge('agent_mesh_relay_homed_agents', 'Agents whose home this relay is', homed)
  metrics.gauge('agent_mesh_relay_map_subscribers', 'Agents that follow the map here', subscribers)
  metrics.gauge('agent_mesh_relay_watch_connected', '1 while changes are pushed by the control plane', () =>
    Number(watching()),
  )
}

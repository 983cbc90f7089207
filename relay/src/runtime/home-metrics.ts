/** Whom a relay serves as a home, and whether it is up to date itself, for Prometheus. */
import type { Member } from '@agent-mesh/agent'
import type { CircuitLimits } from '../circuit/index.ts'

/** Counts. */
export interface Carried {
  readonly reservations: number
  readonly circuits: number
  readonly homed: number
  readonly limits: Pick<CircuitLimits, 'maxReservations' | 'maxCircuits' | 'maxHomed'>
}

export interface HomeState {
  /** What it carries now, and what it may carry at most. */
  carried(): Carried
  homed(): number
  subscribers(): number
  watching(): boolean
}

export function homeMetrics(
  metrics: Member['metrics'],
  { homed, subscribers, watching, carried }: HomeState,
): void {
  metrics.gauges(
    'agent_mesh_relay_used_ratio',
    'What the relay carries as a share of what it may: reservations, circuits, homed agents',
    'resource',
    () => Object.entries(usedOf(carried())),
  )
  metrics.gauge('agent_mesh_relay_homed_agents', 'Agents whose home this relay is', homed)
  metrics.gauge('agent_mesh_relay_map_subscribers', 'Agents that follow the map here', subscribers)
  metrics.gauge('agent_mesh_relay_watch_connected', '1 while changes are pushed by the control plane', () =>
    Number(watching()),
  )
}

const usedOf = ({ reservations, circuits, homed, limits }: Carried) => ({
  reservations: reservations / limits.maxReservations,
  circuits: circuits / limits.maxCircuits,
  homed: homed / limits.maxHomed,
})

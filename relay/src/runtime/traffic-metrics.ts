/** What a relay carries and refuses, for Prometheus. */
import type { Member } from '@agent-mesh/agent'
import type { CircuitServer } from '../circuit/index.ts'
import type { StunServer } from '../stun/stun-server.ts'

export function trafficMetrics(
  metrics: Member['metrics'],
  circuit: CircuitServer,
  stun: StunServer | undefined,
): void {
  metrics.gauge('agent_mesh_relay_reservations', 'Live reservations', () => circuit.reservations().length)
  metrics.gauge('agent_mesh_relay_circuits', 'Open circuits', () => circuit.circuits())
  metrics.gauge('agent_mesh_relay_draining', '1 while it stops: it accepts no agents and circuits', () =>
    Number(circuit.gate.draining),
  )
  metrics.counter('agent_mesh_relay_bytes_total', 'Bytes carried by circuits', 'direction', () =>
    Object.entries(circuit.bytes()),
  )
  metrics.counter(
    'agent_mesh_relay_denied_total',
    'Reservations, circuits and homes refused, and circuits ended as a day was used up',
    'reason',
    () => circuit.gate.denied,
  )
  metrics.counter('agent_mesh_relay_throttled_total', 'Times a member had to wait', 'what', () => [
    ['rate', circuit.throttled()],
  ])
  if (stun === undefined) return
  metrics.counter('agent_mesh_relay_stun_requests_total', 'Datagrams at the STUN ports', 'result', () => [
    ['answered', stun.answered],
    ['refused', stun.refused],
  ])
}

/** Alerts of relays: without them agents behind NATs are unreachable. */
import type { Alert } from './alert.ts'

export const relayAlerts: readonly Alert[] = [
  {
    name: 'AgentMeshRelayDown',
    expr: 'up{job="agent-mesh-relay"} == 0',
    ...{ for: '2m', severity: 'page' },
    summary: 'A relay does not answer',
    means:
      'Prometheus has not reached the relay for 2 minutes: the process stopped, or its host or network failed.',
    hurts:
      'Its agents moved to their standby relay within seconds. Agents without a standby are unreachable for others.',
    check: ["`systemctl status 'agent-mesh*'` on the host", '`agent-mesh peers` from any machine'],
    act: ['Restart it. When the host is lost, start a relay on a new one with a new token.'],
    labels: { job: 'agent-mesh-relay', instance: 'r1' },
    fires: { series: { 'up{job="agent-mesh-relay",instance="r1"}': '1x5 0x10' }, atMinutes: 9 },
    silent: { series: { 'up{job="agent-mesh-relay",instance="r1"}': '1x5 0x0 1x10' }, atMinutes: 9 },
  },
  {
    name: 'AgentMeshRelayNearlyFull',
    expr: 'max by (instance) (agent_mesh_relay_used_ratio) > 0.85',
    ...{ for: '5m', severity: 'ticket' },
    summary: 'A relay uses more than 85 % of what it may carry',
    means: 'Reservations, circuits or homed agents of the relay come near their limit.',
    hurts: 'Nobody yet. At the limit new agents are refused and look for another relay.',
    check: [
      '`agent_mesh_relay_used_ratio` by `resource`',
      'whether another relay is down: its agents moved here',
    ],
    act: ['Start one more relay in this region: agents spread by themselves.'],
    labels: { instance: 'r1' },
    fires: {
      series: { 'agent_mesh_relay_used_ratio{instance="r1",resource="homed"}': '0.5x5 0.9x10' },
      atMinutes: 12,
    },
    silent: {
      series: { 'agent_mesh_relay_used_ratio{instance="r1",resource="homed"}': '0.8x15' },
      atMinutes: 12,
    },
  },
  {
    name: 'AgentMeshRelayFull',
    expr: 'max by (instance) (agent_mesh_relay_used_ratio) > 0.97',
    ...{ for: '2m', severity: 'page' },
    summary: 'A relay is full',
    means: 'The relay refuses new reservations, circuits or homes.',
    hurts: 'Agents that start or move may find no relay; calls over new circuits fail with `unavailable`.',
    check: ['`agent_mesh_relay_denied_total` by `reason`', '`agent_mesh_relay_used_ratio` by `resource`'],
    act: ['Start one more relay in this region now.'],
    labels: { instance: 'r1' },
    fires: {
      series: { 'agent_mesh_relay_used_ratio{instance="r1",resource="circuits"}': '1x10' },
      atMinutes: 5,
    },
    silent: {
      series: { 'agent_mesh_relay_used_ratio{instance="r1",resource="circuits"}': '0.9x10' },
      atMinutes: 5,
    },
  },
  {
    name: 'AgentMeshDrainStuck',
    expr: 'agent_mesh_relay_draining == 1',
    ...{ for: '5m', severity: 'ticket' },
    summary: 'A relay has been stopping for more than 5 minutes',
    means:
      'The relay accepts no agents and circuits, and does not exit: its `--drain` is long, or a circuit does not end.',
    hurts: 'Its agents have moved. Calls over its last circuits continue.',
    check: ['`agent_mesh_relay_circuits`', 'the log of the relay'],
    act: ['Wait for `--drain`, or stop the process: idempotent calls are repeated over other paths.'],
    labels: { instance: 'r1' },
    fires: { series: { 'agent_mesh_relay_draining{instance="r1"}': '0x3 1x10' }, atMinutes: 11 },
    silent: { series: { 'agent_mesh_relay_draining{instance="r1"}': '0x3 1x2 0x10' }, atMinutes: 11 },
  },
  {
    name: 'AgentMeshNoStandby',
    expr:
      'count(agent_mesh_relays_linked < 2) / count(agent_mesh_relays_linked) > 0.05' +
      ' and count(up{job="agent-mesh-relay"} == 1) > 1',
    ...{ for: '10m', severity: 'ticket' },
    summary: 'More than 5 % of the agents have no standby relay',
    means: 'Two relays or more run, and agents are linked to one or none of them.',
    hurts: 'Nobody yet: when the home relay fails, these agents are unreachable until they find another.',
    check: ['`agent_mesh_relays_linked` by instance', '`agent-mesh netcheck` on one of these machines'],
    act: ['Open the ports of the relays in the firewalls that `netcheck` names.'],
    fires: {
      series: {
        'agent_mesh_relays_linked{instance="a1"}': '1x15',
        'agent_mesh_relays_linked{instance="a2"}': '2x15',
        'up{job="agent-mesh-relay",instance="r1"}': '1x15',
        'up{job="agent-mesh-relay",instance="r2"}': '1x15',
      },
      atMinutes: 12,
    },
    silent: {
      series: {
        'agent_mesh_relays_linked{instance="a1"}': '1x15',
        'up{job="agent-mesh-relay",instance="r1"}': '1x15',
      },
      atMinutes: 12,
    },
  },
]

/** Alerts of single members: agents and relays. */
import type { Alert } from './alert.ts'

const valuesOf = (series: string) => (values: string) => ({ [series]: values })

const ready = valuesOf('agent_mesh_ready{instance="a1"}')
const expires = valuesOf('agent_mesh_credential_expires_seconds{instance="a1"}')
const headAge = valuesOf('agent_mesh_head_age_seconds{instance="a1"}')
const cloned = valuesOf('agent_mesh_cloned_keys_total{instance="a1"}')
const lag = valuesOf('nodejs_eventloop_lag_p99_seconds{job="agent-mesh-agent",instance="a1"}')
const a1 = { instance: 'a1' }

export const memberAlerts: readonly Alert[] = [
  {
    name: 'AgentMeshNotReady',
    expr: 'agent_mesh_ready == 0',
    ...{ for: '10m', severity: 'ticket' },
    summary: 'A member has not been ready for 10 minutes',
    means: 'A health check of the process fails: of the member itself, or one that its program added.',
    hurts: 'Callers of its services, if nothing else serves them.',
    check: [
      '`agent-mesh status` on the machine',
      '`agent_mesh_check_status` by `check`: 2 fails',
      '`agent_mesh_memory_used_ratio`: above 0.9 it refuses new calls',
    ],
    act: ['[health.md](health.md) says what each built-in check means.'],
    labels: a1,
    fires: { series: ready('0x15'), atMinutes: 12 },
    silent: { series: ready('0x5 1x10'), atMinutes: 12 },
  },
  {
    name: 'AgentMeshCredentialExpiresSoon',
    expr: 'agent_mesh_credential_expires_seconds < 5 * 86400',
    ...{ for: '10m', severity: 'page' },
    summary: 'A credential expires within 5 days',
    means: 'Members renew from 7 days after the issue on, each hour. This one has failed for 9 days.',
    hurts: 'Nobody yet. Once it has expired, other members refuse the member.',
    check: ['`agent-mesh doctor` on the machine', 'whether the control plane is reachable from there'],
    act: ['Repair the path to the control plane. `agent-mesh status` names what it refuses.'],
    labels: a1,
    fires: { series: expires('400000x20'), atMinutes: 15 },
    silent: { series: expires('500000x20'), atMinutes: 15 },
  },
  {
    name: 'AgentMeshHeadOld',
    expr: 'agent_mesh_head_age_seconds > 86400',
    ...{ for: '10m', severity: 'ticket' },
    summary: 'A member has had no news of policy and revocations for a day',
    means:
      'The newest head that it knows was signed more than a day ago: no relay and no control plane reached it.',
    hurts: 'It may admit a member that was revoked since.',
    check: ['`agent-mesh status` on the machine: relays and control plane', 'AgentMeshControlPlaneDown'],
    act: ['Repair its path to a relay or to the control plane.'],
    labels: a1,
    fires: { series: headAge('90000x20'), atMinutes: 15 },
    silent: { series: headAge('80000x20'), atMinutes: 15 },
  },
  {
    name: 'AgentMeshClonedKeys',
    expr: 'increase(agent_mesh_cloned_keys_total[1h]) > 0',
    ...{ for: '0m', severity: 'page' },
    summary: 'Two processes run with one key',
    means: 'A data folder was copied, or a key was stolen.',
    hurts: 'The two replace each other in the map; a thief can do what the member may do.',
    check: [
      'the log of this member names the other address',
      '`agent-mesh audit tail` for joins and renewals that nobody knows',
    ],
    act: ['Give the copy a folder and a token of its own. If nobody copied it: `agent-mesh revoke NAME`.'],
    labels: a1,
    fires: { series: cloned('0x10 1x10'), atMinutes: 12 },
    silent: { series: cloned('1x20'), atMinutes: 12 },
  },
  {
    name: 'AgentMeshLoopBlocked',
    expr: 'nodejs_eventloop_lag_p99_seconds{job=~"agent-mesh-.*"} > 1',
    ...{ for: '5m', severity: 'ticket' },
    summary: 'The event loop of a process is blocked for more than a second',
    means: 'Handlers compute without waiting, or the machine has no processor time left.',
    hurts: 'All calls of this process wait.',
    check: ['the load of the machine', 'which `method` is slow on the dashboard "Services"'],
    act: ['Move computations to worker threads, or give the machine more processors.'],
    labels: { ...a1, job: 'agent-mesh-agent' },
    fires: { series: lag('1.5x10'), atMinutes: 7 },
    silent: { series: lag('1.5x2 0.01x10'), atMinutes: 7 },
  },
]

/** Alerts of the control plane and of the mesh as a whole. */
import type { Alert } from './alert.ts'

const cutOff = (le: string) => `agent_mesh_revocation_cutoff_seconds_bucket{instance="a1",le="${le}"}`
const release = (instance: string, version: string) =>
  `agent_mesh_release_info{instance="${instance}",version="${version}"}`

export const controlPlaneAlerts: readonly Alert[] = [
  {
    name: 'AgentMeshControlPlaneDown',
    expr: 'up{job="agent-mesh-control-plane"} == 0',
    ...{ for: '5m', severity: 'ticket' },
    summary: 'A control plane does not answer',
    means: 'Prometheus has not reached it for 5 minutes.',
    hurts: 'Joins, renewals and admin commands wait. Everything between enrolled members works, for 14 days.',
    check: ['`agent-mesh doctor` on its host', 'its log, its database'],
    act: ['Restart it; [stores.md](stores.md) has the restore of a backup.'],
    labels: { job: 'agent-mesh-control-plane', instance: 'c1' },
    fires: { series: { 'up{job="agent-mesh-control-plane",instance="c1"}': '0x10' }, atMinutes: 7 },
    silent: { series: { 'up{job="agent-mesh-control-plane",instance="c1"}': '0x3 1x10' }, atMinutes: 7 },
  },
  {
    name: 'AgentMeshControlPlaneErrors',
    expr: 'sum(rate(agent_mesh_requests_total{status=~"5.."}[5m])) / sum(rate(agent_mesh_requests_total[5m])) > 0.01',
    ...{ for: '5m', severity: 'page' },
    summary: 'The control plane fails more than 1 % of its requests',
    means: 'It answers with 5xx: its store is unavailable, its disk is full, or it has a defect.',
    hurts: 'Joins, renewals, admin commands and presence in the map.',
    check: ['`/ready` of the control plane names what fails', 'its log: each error has an id'],
    act: ['Repair the store that the log names; free the disk.'],
    fires: {
      series: {
        'agent_mesh_requests_total{route="/v1/map",status="503"}': '0+5x20',
        'agent_mesh_requests_total{route="/v1/map",status="200"}': '0+100x20',
      },
      atMinutes: 15,
    },
    silent: {
      series: {
        'agent_mesh_requests_total{route="/v1/map",status="404"}': '0+50x20',
        'agent_mesh_requests_total{route="/v1/map",status="200"}': '0+100x20',
      },
      atMinutes: 15,
    },
  },
  {
    name: 'AgentMeshRevocationSlow',
    expr: 'histogram_quantile(0.99, sum by (le) (rate(agent_mesh_revocation_cutoff_seconds_bucket[10m]))) > 5',
    ...{ for: '0m', severity: 'page' },
    summary: 'Members cut off a revoked one later than after 5 seconds',
    means: 'Revocations reach relays or agents late: a push is broken, and they poll.',
    hurts: 'A revoked member is served for longer than promised.',
    check: ['`agent_mesh_relay_watch_connected` of each relay', '`agent_mesh_watchers` of the control plane'],
    act: [
      'Let WebSocket upgrades pass between relays and control plane ([operations.md](operations.md#behind-a-reverse-proxy)).',
    ],
    fires: {
      series: { [cutOff('5')]: '0x20', [cutOff('65')]: '0+1x20', [cutOff('+Inf')]: '0+1x20' },
      atMinutes: 15,
    },
    silent: {
      series: { [cutOff('1')]: '0+1x20', [cutOff('65')]: '0+1x20', [cutOff('+Inf')]: '0+1x20' },
      atMinutes: 15,
    },
  },
  {
    name: 'AgentMeshMembersDropped',
    expr: 'max(agent_mesh_map_members) < 0.8 * max(agent_mesh_map_members offset 15m)',
    ...{ for: '0m', severity: 'page' },
    summary: 'More than a fifth of the members left the map within 15 minutes',
    means: 'Many members were removed or revoked at once, or a store was restored from an old backup.',
    hurts: 'Callers of the services of these members.',
    check: ['`agent-mesh audit tail`: who removed or revoked them', '`agent-mesh members list`'],
    act: ['If it was a mistake, restore the backup ([stores.md](stores.md#backup-and-restore)).'],
    fires: { series: { 'agent_mesh_map_members{instance="a1"}': '100x20 70x10' }, atMinutes: 25 },
    silent: { series: { 'agent_mesh_map_members{instance="a1"}': '100x20 90x10' }, atMinutes: 25 },
  },
  {
    name: 'AgentMeshVersionSkew',
    expr: 'count(count by (version) (agent_mesh_release_info)) > 2',
    ...{ for: '1h', severity: 'ticket' },
    summary: 'More than two versions run at the same time',
    means: 'Members of one version and of the one before work together; older ones may not.',
    hurts: 'Nobody yet.',
    check: ['`agent_mesh_release_info` by `version`'],
    act: ['Upgrade the members of the oldest version.'],
    fires: {
      series: {
        [release('a', '1.0.0')]: '1x90',
        [release('b', '1.1.0')]: '1x90',
        [release('c', '1.2.0')]: '1x90',
      },
      atMinutes: 75,
    },
    silent: {
      series: {
        [release('a', '1.1.0')]: '1x90',
        [release('b', '1.1.0')]: '1x90',
        [release('c', '1.2.0')]: '1x90',
      },
      atMinutes: 75,
    },
  },
  {
    name: 'AgentMeshWatchdog',
    expr: 'vector(1)',
    ...{ for: '0m', severity: 'none' },
    summary: 'Alerts arrive: this one always fires',
    means: 'Route it to a service that calls when it stops: then Prometheus or Alertmanager are down.',
    hurts: 'Nobody.',
    check: ['`up` of Prometheus and Alertmanager'],
    act: ['Nothing while it fires.'],
    fires: { series: {}, atMinutes: 1 },
    silent: { series: {}, atMinutes: 1 },
  },
]

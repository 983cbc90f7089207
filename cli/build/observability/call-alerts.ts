/** Alerts of calls: what users of services notice. */
import type { Alert } from './alert.ts'

/** Failures of the mesh and of callees, not those that a caller causes. */
const failed = 'unavailable|path_lost|overloaded|deadline_exceeded|internal|protocol_error'
/** Share of failed calls of all that callers made in a window. */
const errors = (window: string) =>
  `sum(rate(agent_mesh_calls_total{side="caller",code=~"${failed}"}[${window}]))` +
  ` / sum(rate(agent_mesh_calls_total{side="caller"}[${window}]))`
/** Calls that end well, and that fail: a minute each. */
const calls = (ok: string, failing: string) => ({
  'agent_mesh_calls_total{side="caller",method="math.add",code="ok"}': ok,
  'agent_mesh_calls_total{side="caller",method="math.add",code="unavailable"}': failing,
})
const checkErrors = [
  'the dashboard "Services": which `method`, which `code`',
  '`agent-mesh call math.add --explain` from a machine whose calls fail',
]

export const callAlerts: readonly Alert[] = [
  {
    name: 'AgentMeshCallErrorsFast',
    expr: `${errors('5m')} > 14.4 * 0.001 and ${errors('1h')} > 14.4 * 0.001`,
    ...{ for: '2m', severity: 'page' },
    summary: 'Calls fail: at this rate the errors that 30 days may have (0.1 %) are used up in 2 days',
    means: 'More than 1.44 % of the calls failed in the last 5 minutes and in the last hour.',
    hurts: 'The callers of the failing methods.',
    check: checkErrors,
    act: [
      '`overloaded`: add providers. `unavailable`: start providers or relays. `internal`: read the log of the callee.',
    ],
    fires: { series: calls('0+100x90', '0+5x90'), atMinutes: 80 },
    silent: { series: calls('0+100x90', '0+1x90'), atMinutes: 80 },
  },
  {
    name: 'AgentMeshCallErrorsSlow',
    expr: `${errors('30m')} > 6 * 0.001 and ${errors('6h')} > 6 * 0.001`,
    ...{ for: '15m', severity: 'ticket' },
    summary:
      'Calls fail now and then: at this rate the errors that 30 days may have (0.1 %) are used up in 5 days',
    means: 'More than 0.6 % of the calls failed in the last 30 minutes and in the last 6 hours.',
    hurts: 'Some callers of the failing methods.',
    check: checkErrors,
    act: ['As AgentMeshCallErrorsFast; it has time until working hours.'],
    fires: { series: calls('0+100x420', '0+1x420'), atMinutes: 400 },
    silent: { series: calls('0+1000x420', '0+1x420'), atMinutes: 400 },
  },
  {
    name: 'AgentMeshCallsShed',
    expr:
      'sum by (instance) (rate(agent_mesh_calls_not_started_total{reason=~"shed|limit|memory"}[10m]))' +
      ' / sum by (instance) (rate(agent_mesh_calls_total{side="callee"}[10m])) > 0.01',
    ...{ for: '10m', severity: 'ticket' },
    summary: 'A member refuses more than 1 % of its calls, as it has no room',
    means:
      'The member lacks processor time (`shed`), memory (`memory`), or what its methods wait for lacks capacity (`limit`).',
    hurts: 'Callers are answered later, by another provider, or get `overloaded`.',
    check: ['`agent_mesh_calls_not_started_total` by `reason`', '[overload.md](overload.md)'],
    act: ['Add providers, or make the handlers cheaper; for `limit` see the resource behind the method.'],
    labels: { instance: 'a1' },
    fires: {
      series: {
        'agent_mesh_calls_not_started_total{instance="a1",reason="shed"}': '0+10x40',
        'agent_mesh_calls_total{instance="a1",side="callee",method="math.add",code="ok"}': '0+100x40',
      },
      atMinutes: 30,
    },
    silent: {
      series: {
        'agent_mesh_calls_not_started_total{instance="a1",reason="given_up"}': '0+10x40',
        'agent_mesh_calls_total{instance="a1",side="callee",method="math.add",code="ok"}': '0+100x40',
      },
      atMinutes: 30,
    },
  },
  {
    name: 'AgentMeshRelayedShareHigh',
    expr: 'sum(agent_mesh_links{job="agent-mesh-agent",path="relay"}) / sum(agent_mesh_links{job="agent-mesh-agent"}) > 0.5',
    ...{ for: '1h', severity: 'ticket' },
    summary: 'More than half of the links of agents are relayed',
    means: 'Agents do not find direct paths to each other: NATs or firewalls are in the way.',
    hurts: 'Calls take longer, and relays carry, and cost, more.',
    check: [
      '`agent-mesh path NAME` between two of these machines',
      '`agent_mesh_path_upgrades_total` by `result`',
    ],
    act: ['[paths.md](paths.md) names what to open for each reason that `path` gives.'],
    fires: {
      series: {
        'agent_mesh_links{job="agent-mesh-agent",instance="a1",path="relay"}': '3x90',
        'agent_mesh_links{job="agent-mesh-agent",instance="a1",path="direct"}': '2x90',
      },
      atMinutes: 75,
    },
    silent: {
      series: {
        'agent_mesh_links{job="agent-mesh-agent",instance="a1",path="relay"}': '2x90',
        'agent_mesh_links{job="agent-mesh-agent",instance="a1",path="direct"}': '2x90',
      },
      atMinutes: 75,
    },
  },
]

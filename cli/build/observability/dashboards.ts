/** The five dashboards. */
import type { Dashboard, Panel } from './dashboard.ts'
import { processPanels } from './process-panels.ts'
import { callRate, callTimes, failedCalls, servicePanels } from './service-panels.ts'

const at = 'instance=~"$instance"'

const stat = (title: string, about: string, expr: string, unit: Panel['unit'] = 'short'): Panel => ({
  ...{ title, about, unit, kind: 'stat' },
  queries: [{ expr, legend: title }],
})

const graph = (
  title: string,
  about: string,
  unit: Panel['unit'],
  ...queries: (readonly [expr: string, legend: string, mayBeEmpty?: true])[]
): Panel => ({
  ...{ title, about, unit },
  queries: queries.map(([expr, legend, mayBeEmpty = false]) => ({ expr, legend, mayBeEmpty })),
})

const links = graph('Links', 'Links by path: many relayed ones mean that NATs are in the way.', 'short', [
  `sum by (path) (agent_mesh_links{${at}})`,
  '{{path}}',
])

const overview: Dashboard = {
  uid: 'agent-mesh-overview',
  title: 'Agent Mesh: overview',
  panels: [
    stat('Members', 'Members in the map.', 'max(agent_mesh_map_members)'),
    stat('Ready', 'Share of the members that are ready.', 'avg(agent_mesh_ready)', 'percentunit'),
    stat('Relays', 'Relays that answer.', 'sum(up{job="agent-mesh-relay"})'),
    stat('Versions', 'Different versions that run.', 'count(count by (version) (agent_mesh_release_info))'),
    ...[callRate, failedCalls, callTimes, links],
    graph('Health checks that do not pass', 'By check: 1 warns, 2 fails.', 'short', [
      `max by (check) (agent_mesh_check_status{${at}} > 0)`,
      '{{check}}',
      true,
    ]),
    graph('Recoveries', 'What members did to recover without help, in an hour.', 'short', [
      `sum by (supervisor) (increase(agent_mesh_recoveries_total{${at}}[1h]))`,
      '{{supervisor}}',
      true,
    ]),
  ],
}

const agents: Dashboard = {
  uid: 'agent-mesh-agents',
  title: 'Agent Mesh: agents',
  panels: [
    graph('Relays linked', 'Home and standby: 2 where there are two relays.', 'short', [
      `agent_mesh_relays_linked{${at}}`,
      '{{instance}}',
    ]),
    links,
    graph('Bytes of calls', 'By path and direction.', 'Bps', [
      `sum by (path, direction) (rate(agent_mesh_path_bytes_total{${at}}[$__rate_interval]))`,
      '{{path}} {{direction}}',
    ]),
    graph(
      'Time until credentials expire',
      'Renewed from 14 days left on; below 7 days something is wrong.',
      's',
      [`agent_mesh_credential_expires_seconds{${at}}`, '{{instance}}'],
    ),
    graph('Age of the head', 'How old the newest policy and revocations are that a member knows.', 's', [
      `agent_mesh_head_age_seconds{${at}}`,
      '{{instance}}',
    ]),
    graph('Memory used', 'Share of the limit; above 0.9 new calls are refused.', 'percentunit', [
      `agent_mesh_memory_used_ratio{${at}}`,
      '{{instance}}',
    ]),
    ...processPanels('agent-mesh-agent'),
  ],
}

const relays: Dashboard = {
  uid: 'agent-mesh-relays',
  title: 'Agent Mesh: relays',
  panels: [
    graph('Use of the limits', 'Start one more relay before 0.85.', 'percentunit', [
      `agent_mesh_relay_used_ratio{${at}}`,
      '{{instance}} {{resource}}',
    ]),
    graph(
      'Agents and circuits',
      'Agents whose home it is, reservations, open circuits.',
      'short',
      [`agent_mesh_relay_homed_agents{${at}}`, 'homed {{instance}}'],
      [`agent_mesh_relay_reservations{${at}}`, 'reservations {{instance}}'],
      [`agent_mesh_relay_circuits{${at}}`, 'circuits {{instance}}'],
    ),
    graph('Bytes carried', 'Of circuits, a second.', 'Bps', [
      `sum by (instance, direction) (rate(agent_mesh_relay_bytes_total{${at}}[$__rate_interval]))`,
      '{{instance}} {{direction}}',
    ]),
    graph('Denied', 'Reservations, circuits and homes refused, a second.', 'reqps', [
      `sum by (reason) (rate(agent_mesh_relay_denied_total{${at}}[$__rate_interval]))`,
      '{{reason}}',
      true,
    ]),
    graph(
      'Changes pushed by the control plane',
      '1 while they are; else the map is polled each minute.',
      'short',
      [`agent_mesh_relay_watch_connected{${at}}`, '{{instance}}'],
    ),
    ...processPanels('agent-mesh-relay'),
  ],
}

const controlPlane: Dashboard = {
  uid: 'agent-mesh-control-plane',
  title: 'Agent Mesh: control plane',
  panels: [
    stat('Enrolled', 'Agents and relays.', 'max(agent_mesh_members)'),
    stat('Watchers', 'Connections that changes are pushed to.', 'sum(agent_mesh_watchers)'),
    stat('Sweeps stopped', '1: clock and store do not agree.', 'max(agent_mesh_sweeps_stopped)'),
    graph('Requests', 'A second, by status.', 'reqps', [
      `sum by (status) (rate(agent_mesh_requests_total{${at}}[$__rate_interval]))`,
      '{{status}}',
    ]),
    graph('Time of requests', 'p99, by route.', 's', [
      `histogram_quantile(0.99, sum by (le, route) (rate(agent_mesh_request_seconds_bucket{${at}}[$__rate_interval])))`,
      '{{route}}',
    ]),
    graph('Changes', 'Committed to the store, a second.', 'reqps', [
      `sum by (what) (rate(agent_mesh_changes_total{${at}}[$__rate_interval]))`,
      '{{what}}',
    ]),
    ...processPanels('agent-mesh-control-plane'),
  ],
}

export const dashboards: readonly Dashboard[] = [
  overview,
  { uid: 'agent-mesh-services', title: 'Agent Mesh: services', panels: servicePanels },
  agents,
  relays,
  controlPlane,
]

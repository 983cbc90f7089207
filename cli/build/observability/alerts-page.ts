/** docs/alerts.md: the runbook of each alert. */
import type { Alert } from './alert.ts'

const beginning = `# Alerts

<!-- Made by "npm run generate" from the alerts of the program; "npm run check" compares. -->

The rules are in \`deploy/prometheus/alerts.yml\`, the cases in which each fires and does not fire in
\`deploy/prometheus/alerts.test.yml\` (\`promtool test rules\`). They expect the jobs \`agent-mesh-agent\`,
\`agent-mesh-relay\` and \`agent-mesh-control-plane\`; \`deploy/prometheus/prometheus.yml\` is an example. A mesh
at rest has no alert but \`AgentMeshWatchdog\`. Dashboards for Grafana are in \`deploy/grafana\`.

\`page\` wakes a person, \`ticket\` waits for working hours. Where [metrics.md](metrics.md) and this page are
served, put that address before \`runbook_url\` in the templates of Alertmanager.
`

export const alertsPage = (alerts: readonly Alert[]): string =>
  [
    beginning,
    '| alert | severity | after | summary |',
    '|---|---|---|---|',
    ...alerts.map(
      ({ name, severity, for: after, summary }) =>
        `| [${name}](#${name.toLowerCase()}) | ${severity} | ${after === '0m' ? 'at once' : after} | ${summary} |`,
    ),
    ...alerts.flatMap(section),
    '',
  ].join('\n')

const section = ({ name, expr, means, hurts, check, act }: Alert): string[] => [
  '',
  `## ${name}`,
  '',
  '| | |',
  '|---|---|',
  `| means | ${means} |`,
  `| notices it | ${hurts} |`,
  `| check | ${check.join('; ')} |`,
  `| do | ${act.join(' ')} |`,
  '',
  '```promql',
  expr,
  '```',
]

/** docs/metrics.md, made from the metrics as agents, relays and the control plane register them. */
import { countedHedging, observedBalancer, parseBalancing } from '@agent-mesh/agent/agent/balancing'
import { countInvalidations } from '@agent-mesh/agent/agent/mesh-invalidation'
import { observedTuning } from '@agent-mesh/agent/agent/observed-tuning'
import { Health } from '@agent-mesh/agent/health/health'
import { observeCache } from '@agent-mesh/agent/observe/cache-metrics'
import { MemberMetrics } from '@agent-mesh/agent/observe/member-metrics'
import { observeDetection } from '@agent-mesh/agent/observe/detection-metrics'
import { observePaths } from '@agent-mesh/agent/observe/path-metrics'
import { observeTopics } from '@agent-mesh/agent/observe/topic-metrics'
import { observeReach, observeState } from '@agent-mesh/agent/observe/state-metrics'
import { servingMetrics } from '@agent-mesh/agent/observe/serving-metrics'
import { controlPlaneMetrics } from '@agent-mesh/lambdas/hosts/node/control-plane-metrics'
import { homeMetrics } from '@agent-mesh/relay/runtime/home-metrics'
import { trafficMetrics } from '@agent-mesh/relay/runtime/traffic-metrics'

const beginning = `# Metrics

<!-- Made by "npm run generate" from the metrics that the program has; "npm run check" compares. -->

What \`/metrics\` serves: of an agent and a relay with \`--metrics HOST:PORT\`, of a control plane at its own
address. Each also has the process metrics of prom-client (\`process_…\`, \`nodejs_…\`). Values of \`method\` come
from the contracts and the calls of the own program, 500 of them on each side; further ones count as
\`other\`. Those of the other labels come from closed sets.

The three signals of a service (rate, errors, duration) are \`agent_mesh_calls_total\` by \`method\` and \`code\`,
and \`agent_mesh_call_seconds\` by \`method\`; \`side\` is \`caller\` or \`callee\`.
`

/** What prom-client keeps of a metric. */
interface Definition {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labelNames?: readonly string[]
}

interface Registry {
  getMetricsAsArray(): readonly object[]
}

/** Nothing is read while metrics are registered. */
const unread = <T>(): T => ({}) as T
const ignored = () => () => undefined

/** What each kind of process registers, from the same code as in operation. */
function registries() {
  const both = member()
  const agents = member()
  observeCache(agents.registry, { bytes: Number, size: Number })
  observedBalancer(parseBalancing({}), { metrics: agents, log: unread(), roundTrips: unread() })
  countedHedging(parseBalancing({}), agents)
  observedTuning({ metrics: agents, serving: {} } as never, { isOn: true, pins: {} })
  countInvalidations(agents, unread())
  observeTopics(agents.registry)
  observeReach(agents, Number)
  const relays = member()
  observeTopics(relays.registry)
  homeMetrics(relays, { homed: Number, subscribers: Number, watching: Boolean, carried: unread })
  trafficMetrics(relays, unread(), unread())
  const plane = controlPlaneMetrics(
    { mesh: { store: unread(), changes: { listen: ignored } }, time: unread() } as never,
    { watchers: Number, recoveries: () => new Map() },
  )
  return { both, agents, relays, plane }
}

export function metricsPage(): string {
  const { both, agents, relays, plane } = registries()
  return [
    beginning,
    section('Agents and relays', definitions(both.registry)),
    section('Agents', without(definitions(agents.registry), both.registry)),
    section('Relays', without(definitions(relays.registry), both.registry)),
    section('Control plane', definitions(plane.registry)),
  ].join('\n')
}

/** All metrics with their labels, those of the process included. */
export function registeredMetrics(): Map<string, ReadonlySet<string>> {
  const labels = new Map<string, Set<string>>()
  for (const { registry } of Object.values(registries()))
    for (const { name, labelNames = [] } of registry.getMetricsAsArray() as unknown as Definition[])
      labels.set(name, new Set([...(labels.get(name) ?? []), ...labelNames]))
  return labels
}

/** The metrics of every member. */
function member(): MemberMetrics {
  const metrics = new MemberMetrics({ map: unread(), head: unread(), log: unread() })
  metrics.observeLinks({ all: () => [], onUp: ignored, onDown: ignored })
  metrics.observeRevocations({ onCutOff: ignored })
  const { registry } = metrics
  servingMetrics(registry, unread())
  new Health({ log: unread(), metrics, now: Date.now })
  observeState(metrics, unread())
  observeDetection(registry, () => 0)
  observePaths({ registry, links: { all: () => [], onDown: ignored, onDoubt: ignored }, bytesOf: unread })
  return metrics
}

const definitions = (registry: Registry): Definition[] =>
  (registry.getMetricsAsArray() as Definition[])
    .filter(({ name }) => name.startsWith('agent_mesh_'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))

function without(all: readonly Definition[], others: Registry): Definition[] {
  const names = new Set(definitions(others).map(({ name }) => name))
  return all.filter(({ name }) => !names.has(name))
}

function section(title: string, metrics: readonly Definition[]): string {
  const rows = metrics.map(({ name, type, labelNames = [], help }) => {
    const labels = labelNames.map(label => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${labels} | ${unitOf(name)} | ${help} |`
  })
  return [
    `## ${title}`,
    '',
    '| metric | type | labels | unit | meaning |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

const unitOf = (name: string): string => /_(seconds|bytes)(?:_total)?$/.exec(name)?.[1] ?? 'count'

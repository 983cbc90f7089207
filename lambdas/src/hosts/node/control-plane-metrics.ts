import { version } from '@agent-mesh/protocol/version'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ControlPlane } from '../../domain/control-plane.ts'
import type { RequestObserver } from '../../routes/api-router.ts'

/** ms between two looks at the delay of the event loop, for its metric: each look wakes a process at rest. */
const loopDelayResolutionMs = 250

export interface ControlPlaneMetrics {
  observe: RequestObserver
  registry: Registry
  text(): Promise<{ contentType: string; text: string }>
  stop(): void
}

/** What is counted elsewhere. */
export interface ObservedHost {
  /** Connections that changes are pushed to. */
  watchers(): number
  /** Acts of recovery, by the part that acted. */
  recoveries(): ReadonlyMap<string, number>
}

/** Prometheus metrics of one control plane. */
export function controlPlaneMetrics(
  { mesh: { store, changes }, time, scaling }: Pick<ControlPlane, 'mesh' | 'time' | 'scaling'>,
  host: ObservedHost,
): ControlPlaneMetrics {
  const registers = [new Registry()]
  const requests = new Counter({
    name: 'agent_mesh_requests_total',
    help: 'Requests answered',
    labelNames: ['route', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'agent_mesh_request_seconds',
    help: 'Time to answer a request',
    labelNames: ['route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  })
  const changed = new Counter({
    name: 'agent_mesh_changes_total',
    help: 'Changes committed: map, head, join (new enrolments)',
    labelNames: ['what'],
    registers,
  })
  new Gauge({
    name: 'agent_mesh_members',
    help: 'Agents and relays enrolled',
    registers,
    collect: async function () {
      this.set(await store.enrolments.countMembers())
    },
  })
  new Gauge({
    name: 'agent_mesh_watchers',
    help: 'Connections that changes are pushed to',
    registers,
    collect: function () {
      this.set(host.watchers())
    },
  })
  recoveriesCounter(registers, host)
  sweepsGauge(registers, time)
  scalingGauge(registers, scaling)
  const [registry] = registers as [Registry]
  observeProcess(registry)
  return {
    registry,
    observe: ({ route, status, ms }) => {
      requests.inc({ route, status })
      seconds.observe({ route }, ms / 1000)
    },
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    stop: changes.listen(what => changed.inc({ what })),
  }
}

/** Of Node and of the process: what observes it cannot be stopped, so all control planes in it share one. */
let ofProcess: Registry | undefined

function observeProcess(registry: Registry): void {
  if (ofProcess === undefined) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess, eventLoopMonitoringPrecision: loopDelayResolutionMs })
  }
  for (const { name } of ofProcess.getMetricsAsArray())
    registry.registerMetric(ofProcess.getSingleMetric(name)!)
  new Gauge({
    name: 'agent_mesh_release_info',
    help: '1, by the version of this process',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1)
}

function recoveriesCounter(registers: Registry[], host: ObservedHost): void {
  new Counter({
    name: 'agent_mesh_recoveries_total',
    help: 'What this process did to recover without help, by the part that acted',
    labelNames: ['supervisor'],
    registers,
    collect: function () {
      this.reset()
      for (const [supervisor, count] of host.recoveries()) this.inc({ supervisor }, count)
    },
  })
}

function scalingGauge(registers: Registry[], scaling: ControlPlane['scaling']): void {
  new Gauge({
    name: 'agent_mesh_scaling_desired',
    help: 'Providers that each service should have, of the services that relays report',
    labelNames: ['service'],
    registers,
    collect: async function () {
      this.reset()
      for (const service of await scaling.services())
        this.set({ service }, (await scaling.read({ service })).desired)
    },
  })
}

function sweepsGauge(registers: Registry[], time: ControlPlane['time']): void {
  new Gauge({
    name: 'agent_mesh_sweeps_stopped',
    help: '1 while clock and store do not agree, so that nothing expired is removed',
    registers,
    collect: function () {
      this.set(time.warning() === undefined ? 0 : 1)
    },
  })
}

/** Metrics of Node and of the process, which all members in it share. */
import { collectDefaultMetrics, Registry } from 'prom-client'
import { loopDelayResolutionMs } from './defaults.ts'

/** What observes the process cannot be stopped: one for each member would keep members that have stopped in memory. */
let shared: Registry | undefined

/** Adds them to the registry of a member. */
export function addProcessMetrics(registry: Registry): void {
  if (shared === undefined) {
    shared = new Registry()
    collectDefaultMetrics({ register: shared, eventLoopMonitoringPrecision: loopDelayResolutionMs })
  }
  for (const { name } of shared.getMetricsAsArray()) registry.registerMetric(shared.getSingleMetric(name)!)
}

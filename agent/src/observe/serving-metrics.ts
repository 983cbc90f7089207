/** Prometheus metrics of how a member serves under load: what waits, what it refuses before a handler runs. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Seconds; a turn takes 20 ms, and what waits longer than 0.2 s is refused. */
const waitBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25]

export interface ServingMetrics {
  /** Port of room rpc: a request that could not start at once started after so many ms. */
  turnWaited(ms: number): void
  /** Port of room rpc: a request was refused before its handler ran. */
  turnRefused(reason: 'shed' | 'given_up' | 'limit' | 'memory'): void
}

export interface ServingObserved {
  /** Requests in the turn queue now. */
  waiting(): number
  /** Methods that are limited now, and to how many calls at once. */
  limits(): Iterable<readonly [method: string, most: number]>
  /** How saturated each service is, 0 to 1. */
  saturations(): Iterable<readonly [service: string, share: number]>
}

export function servingMetrics(registry: Registry, observed: ServingObserved): ServingMetrics {
  const registers = [registry]
  const seconds = new Histogram({
    name: 'agent_mesh_queue_wait_seconds',
    help: 'Time that requests waited for their turn, of those that did not start at once',
    buckets: waitBuckets,
    registers,
  })
  const refused = new Counter({
    name: 'agent_mesh_calls_not_started_total',
    help: 'Requests whose handler was not run: shed as they waited too long, given up by their caller, over the limit of their method, or while memory is nearly full',
    labelNames: ['reason'],
    registers,
  })
  new Gauge({
    name: 'agent_mesh_queue_waiting',
    help: 'Requests that wait for their turn',
    registers,
    collect() {
      this.set(observed.waiting())
    },
  })
  new Gauge({
    name: 'agent_mesh_method_limit',
    help: 'Calls of a method that may run at once, of methods that are limited now',
    labelNames: ['method'],
    registers,
    collect() {
      this.reset()
      for (const [method, most] of observed.limits()) this.set({ method }, most)
    },
  })
  new Gauge({
    name: 'agent_mesh_service_saturation',
    help: 'How saturated each service of an agent is, 0 to 1, on average over a minute',
    labelNames: ['service'],
    registers,
    collect() {
      this.reset()
      for (const [service, share] of observed.saturations()) this.set({ service }, share)
    },
  })
  return {
    turnWaited: ms => seconds.observe(ms / 1000),
    turnRefused: reason => refused.inc({ reason }),
  }
}

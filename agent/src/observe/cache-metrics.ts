/** Prometheus metrics of the answers that a member keeps. Methods are those of its own contracts. */
import { Counter, Gauge, type Registry } from 'prom-client'

type CacheResult = 'hit' | 'stale' | 'shared' | 'miss'

export interface CacheMetrics {
  /** Port of room services: a call of a method with a cache began, and was answered by it or was not. */
  readonly answered: (method: string, result: CacheResult) => void
}

/** @param held of the answers that are kept, read when asked */
export function observeCache(
  registry: Registry,
  held: { bytes: () => number; size: () => number },
): CacheMetrics {
  const registers = [registry]
  const results = new Counter({
    name: 'agent_mesh_cache_results_total',
    help: 'Calls of methods with a cache: answered from it (hit), from it while the next answer was fetched (stale), by the call of another caller (shared), or by a call of their own (miss)',
    labelNames: ['method', 'result'],
    registers,
  })
  new Gauge({
    name: 'agent_mesh_cache_bytes',
    help: 'Bytes of cached answers',
    registers,
    collect() {
      this.set(held.bytes())
    },
  })
  new Gauge({
    name: 'agent_mesh_cache_answers',
    help: 'Cached answers',
    registers,
    collect() {
      this.set(held.size())
    },
  })
  return { answered: (method, result) => results.inc({ method, result }) }
}

/**
 * Prometheus metrics of calls. Each call adds to plain numbers, which become metrics when they are asked for: prom-client
 * checks and joins the labels of each observation, 0.8 us a call at each end, as much as all else that this side does for it.
 */
import type { ErrorCode } from '@agent-mesh/protocol'
import { Counter, type Metric, type Registry } from 'prom-client'

/** Seconds; a call on one machine takes 0.2 ms, over an ocean 0.3 s. */
export const callBuckets = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]

/**
 * Methods of a side that have series of their own, some 20 each; further ones count as `other`: a caller may name what no
 * member serves.
 */
export const mostMethods = 500
const other = 'other'

export type CallSide = 'caller' | 'callee'

/** The calls of one method on one side that have ended. */
class MethodCalls {
  count = 0
  seconds = 0
  /** How many took at most the seconds of {@link callBuckets}, and more than those of the one before. */
  readonly buckets = callBuckets.map(() => 0)
  readonly failed = new Map<ErrorCode, number>()

  add(code: 'ok' | ErrorCode, seconds: number): void {
    this.count++
    this.seconds += seconds
    for (let at = 0; at < callBuckets.length; at++) {
      if (seconds > callBuckets[at]!) continue
      this.buckets[at]!++
      break
    }
    if (code !== 'ok') this.failed.set(code, (this.failed.get(code) ?? 0) + 1)
  }

  /** How many ended with each code. */
  *codes(): Generator<readonly ['ok' | ErrorCode, number]> {
    let ok = this.count
    for (const [code, count] of this.failed) {
      ok -= count
      yield [code, count]
    }
    if (ok > 0) yield ['ok', ok]
  }
}

/** A value of a metric, as prom-client writes it. */
interface MetricValue {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName: string
}

export class CallMetrics {
  readonly #sides: Record<CallSide, Map<string, MethodCalls>> = { caller: new Map(), callee: new Map() }

  constructor(registry: Registry) {
    const counted = (): Iterable<[CallSide, string, MethodCalls]> => this.#all()
    new Counter({
      name: 'agent_mesh_calls_total',
      help: 'Calls ended',
      labelNames: ['side', 'method', 'code'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [side, method, calls] of counted())
          for (const [code, count] of calls.codes()) this.inc({ side, method, code }, count)
      },
    })
    const seconds = {
      ...{ name: 'agent_mesh_call_seconds', help: 'Time of calls from start to end', type: 'histogram' },
      labelNames: ['side', 'method'],
      get: () => Promise.resolve({ ...seconds, aggregator: 'sum', values: [...this.#secondsValues()] }),
    }
    // Of a metric the registry asks for nothing but its name and its values.
    registry.registerMetric(seconds as unknown as Metric)
  }

  /** A call ended, after so many ms. */
  ended(side: CallSide, method: string, code: 'ok' | ErrorCode, ms: number): void {
    const methods = this.#sides[side]
    let calls = methods.get(method)
    if (calls === undefined) {
      const label = methods.size < mostMethods ? method : other
      calls = methods.get(label) ?? new MethodCalls()
      methods.set(label, calls)
    }
    calls.add(code, ms / 1000)
  }

  /** Of a call of this process that has not ended. */
  labelOf(method: string): string {
    const { caller } = this.#sides
    return caller.has(method) || caller.size < mostMethods ? method : other
  }

  *#all(): Generator<[CallSide, string, MethodCalls]> {
    for (const side of ['caller', 'callee'] as const)
      for (const [method, calls] of this.#sides[side]) yield [side, method, calls]
  }

  *#secondsValues(): Generator<MetricValue> {
    const name = 'agent_mesh_call_seconds'
    for (const [side, method, { buckets, count, seconds }] of this.#all()) {
      let atMost = 0
      for (const [at, le] of callBuckets.entries()) {
        atMost += buckets[at]!
        yield { labels: { le, side, method }, value: atMost, metricName: `${name}_bucket` }
      }
      yield { labels: { le: '+Inf', side, method }, value: count, metricName: `${name}_bucket` }
      yield { labels: { side, method }, value: seconds, metricName: `${name}_sum` }
      yield { labels: { side, method }, value: count, metricName: `${name}_count` }
    }
  }
}

import type { ErrorCode } from '@agent-mesh/protocol'
import { Counter, Histogram, Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { callBuckets, CallMetrics, mostMethods, type CallSide } from './call-metrics.ts'

type Ended = readonly [side: CallSide, method: string, code: 'ok' | ErrorCode, ms: number]

/** The same metrics by prom-client alone. */
function byPromClient(calls: readonly Ended[]): Registry {
  const registry = new Registry()
  const registers = [registry]
  const labelNames = ['side', 'method', 'code']
  const total = new Counter({ name: 'agent_mesh_calls_total', help: 'Calls ended', labelNames, registers })
  const seconds = new Histogram({
    name: 'agent_mesh_call_seconds',
    help: 'Time of calls from start to end',
    labelNames: ['side', 'method'],
    buckets: callBuckets,
    registers,
  })
  for (const [side, method, code, ms] of calls) {
    total.inc({ side, method, code })
    seconds.observe({ side, method }, ms / 1000)
  }
  return registry
}

/** In any order. */
const linesOf = async (registry: Registry): Promise<string[]> => (await registry.metrics()).split('\n').sort()

it('metrics of calls are those that prom-client would write, each time they are asked for', async () => {
  const registry = new Registry()
  const metrics = new CallMetrics(registry)
  expect(await linesOf(registry)).toEqual(await linesOf(byPromClient([])))
  const calls: Ended[] = []
  const times = [0, 0.2, 0.5, 0.6, 1, 7, 30_000, 30_001, 90_000]
  for (const side of ['caller', 'callee'] as const)
    for (const method of ['math.add', 'he said "no"'])
      for (const code of ['ok', 'overloaded', 'ok', 'application'] as const)
        for (const ms of times) {
          calls.push([side, method, code, ms])
          metrics.ended(side, method, code, ms)
        }
  const expected = await linesOf(byPromClient(calls))
  expect(await linesOf(registry)).toEqual(expected)
  expect(await linesOf(registry)).toEqual(expected)
  metrics.ended('caller', 'math.add', 'deadline_exceeded', 40)
  const more = byPromClient([...calls, ['caller', 'math.add', 'deadline_exceeded', 40]])
  expect(await linesOf(registry)).toEqual(await linesOf(more))
})

it('methods beyond the most that have series count as "other", on each side', async () => {
  const registry = new Registry()
  const metrics = new CallMetrics(registry)
  const calls: Ended[] = []
  for (let n = 0; n < mostMethods + 100; n++) {
    expect(metrics.labelOf(`typo.number${n}`)).toBe(n < mostMethods ? `typo.number${n}` : 'other')
    metrics.ended('caller', `typo.number${n}`, 'unsupported', 1)
    calls.push(['caller', n < mostMethods ? `typo.number${n}` : 'other', 'unsupported', 1])
  }
  for (const [side, method] of [
    ['caller', 'typo.number0'],
    ['callee', 'math.add'],
  ] as const) {
    metrics.ended(side, method, 'ok', 1)
    calls.push([side, method, 'ok', 1])
  }
  expect(metrics.labelOf('typo.number0')).toBe('typo.number0')
  expect(await linesOf(registry)).toEqual(await linesOf(byPromClient(calls)))
})

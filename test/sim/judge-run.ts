/** Whether a run kept its promises. */
import type { SimOptions, SimResult } from './simulate.ts'

/** Of all members that learn of a silent end, half know within p50Ms and 99 of 100 within p99Ms. */
const promised = { p50Ms: 5_000, p99Ms: 8_000, agreedMs: 10_000 } as const
/** With fewer ends a quantile is luck. */
const enough = { p50: 150, p99: 50 } as const

/** @returns what it broke, in words; empty: nothing */
export function faultsOf(result: SimResult, options: SimOptions): string[] {
  const faults = [...result.violations]
  if (options.preset !== 'edge' && options.preset !== 'lan') return faults
  const late = (what: string, ms: number | null, mostMs: number) => {
    if (ms !== null && ms > mostMs) faults.push(`${what} is ${ms} ms, the promise is ${mostMs} ms`)
  }
  if (options.kill > 0) late('agreement of the survivors', result.agreed_ms, promised.agreedMs)
  if (options.faults.length > 0) return faults
  if (options.crashes >= enough.p50) late('p50 of detection', result.p50_ms, promised.p50Ms)
  if (options.crashes >= enough.p99) late('p99 of detection', result.p99_ms, promised.p99Ms)
  return faults
}

/** Three times the load that a callee can take, for a handler that computes and one that waits for a pool. */
import { kinds, overloadRun, type OverloadResult } from '../../../test/support/overload/overload-run.ts'
import type { Bench, BenchResult } from '../bench.ts'

/** Seconds of overload in each run. */
const seconds = 6

export const overload: Bench = {
  about: 'three times the load a callee can take: goodput, latency, work for nobody, recovery',
  async run({ progress }): Promise<BenchResult> {
    const results: Partial<Record<string, OverloadResult>> = {}
    for (const kind of kinds) {
      results[kind] = await overloadRun(kind, seconds)
      progress(`${kind}: ${JSON.stringify(results[kind])}`)
    }
    return { bench: 'overload', seconds, ...results }
  },
}

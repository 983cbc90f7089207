/** The time that this thread is to answer for: what else the machine does is not in it. */
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

/**
 * Monotonic ms, without those in which this thread could run and waited for a processor: the second field of schedstat, ns
 * (Documentation/scheduler/sched-stats.rst of Linux). Elsewhere it is `performance.now()`.
 */
export function ownNow(): number {
  return performance.now() - waitedMs()
}

function waitedMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}

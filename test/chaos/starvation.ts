/** For how long a process that could run waited for a processor: what a busy machine takes from it, by the scheduler's own count. */
import { readFileSync } from 'node:fs'

/** Looks at one process after the other: a member that is started again is another one. */
export class Starvation {
  #pid: number | undefined
  #waitedMs = 0

  /**
   * Since the look before, ms, of the main thread, which runs the event loop; 0 at the first look at a process, when it ended, and
   * where the kernel does not count it.
   */
  look(pid: number | undefined): number {
    const waited = waitedMs(pid) ?? this.#waitedMs
    const since = this.#pid === pid ? waited - this.#waitedMs : 0
    this.#pid = pid
    this.#waitedMs = waited
    return Math.round(since)
  }
}

/** The second field of schedstat: time on a run queue, ns (Documentation/scheduler/sched-stats.rst of Linux). */
function waitedMs(pid: number | undefined): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
  } catch {
    return undefined
  }
}

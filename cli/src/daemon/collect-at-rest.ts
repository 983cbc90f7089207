/**
 * Starting and joining leave 10 to 15 MB of garbage in the heap, which V8 returns to the system after minutes, or in part.
 * A process that rests collects it once by itself.
 */
import { collector } from '@agent-mesh/agent/core/collector'
import { sleep } from '@agent-mesh/protocol/timers'

/** What a process has used so far. */
export interface Usage {
  /** CPU of all its threads since it started, ms. */
  cpuMs: number
  /** Heap in use, bytes. */
  heapBytes: number
}

export interface CollectAtRestInit {
  /** The process is looked at so often, ms. */
  lookMs: number
  /** With less CPU than this between two looks it rests, ms. */
  restingCpuMs: number
  /** A larger heap is left to V8, bytes: collecting it would stop the process for long. */
  heapBytes: number
  usage: () => Usage
  collect: () => void
}

/** Collects once, when the process rests for the first time. @returns at once when `signal` aborts before */
export async function collectAtRest(init: CollectAtRestInit, signal: AbortSignal): Promise<void> {
  const { lookMs, restingCpuMs, heapBytes, usage, collect } = init
  try {
    for (let before = usage(); ;) {
      await sleep(lookMs, { signal, ref: false })
      const now = usage()
      if (now.cpuMs - before.cpuMs < restingCpuMs && now.heapBytes <= heapBytes) return collect()
      before = now
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Of this process. */
export function processUsage(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpuMs: (user + system) / 1_000, heapBytes: process.memoryUsage().heapUsed }
}

/**
 * A full collection that gives free pages back to the system; it stops the process for some 20 ms per 20 MB of heap. By V8's own
 * function: others return less (`v8.queryObjects` leaves 5 MB more), and the inspector's `collectGarbage` holds a lock that its
 * session waits for when it is closed, and the process hangs (Node 24.21).
 */
export function collectGarbage(): void {
  const collect = collector()
  // The first one moves what survives, the second one returns what held it.
  for (let i = 0; i < 2; i++) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

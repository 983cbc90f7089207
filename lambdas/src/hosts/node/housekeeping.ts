import { timerDelay } from '@agent-mesh/protocol/timers'
import { housekeepingMs } from '../../defaults.ts'
import type { Log } from '../../domain/log.ts'

/** Runs the tasks periodically, one after the other, until stopped; a failure is logged and the task tried again. */
export function housekeeping(
  tasks: Record<string, () => Promise<void>>,
  log: Log,
  everyMs: number = housekeepingMs,
): { stop(): Promise<void> } {
  let running: Promise<void> | undefined
  const run = async (): Promise<void> => {
    for (const [task, work] of Object.entries(tasks))
      await work().catch((err: unknown) =>
        log.warn({ event: 'housekeeping-failed', err, task }, 'housekeeping failed; tried again later'),
      )
  }
  const tick = (): void => {
    running ??= run().finally(() => (running = undefined))
  }
  tick()
  const timer = setInterval(tick, timerDelay(everyMs))
  return {
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}

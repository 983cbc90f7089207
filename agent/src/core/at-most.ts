import { sleep, startTimer, type StartTimer } from '@agent-mesh/protocol/timers'

/** Waits until `work` settles, but no longer than `ms` of the clock of `start`. Rejects as it does. */
export async function atMost(
  ms: number,
  work: Promise<unknown> | undefined,
  start: StartTimer = startTimer,
): Promise<void> {
  const limit = new AbortController()
  const deadline = sleep(ms, { signal: limit.signal, start }).catch(() => {})
  await Promise.race([work, deadline]).finally(() => limit.abort())
}

import { timerDelay } from '@agent-mesh/protocol/timers'
import { setTimeout as delay } from 'node:timers/promises'

/** Waits until `work` settles, but no longer than `ms`. Rejects as it does. */
export async function atMost(ms: number, work: Promise<unknown> | undefined): Promise<void> {
  const limit = new AbortController()
  const deadline = delay(timerDelay(ms), undefined, { signal: limit.signal }).catch(() => {})
  await Promise.race([work, deadline]).finally(() => limit.abort())
}

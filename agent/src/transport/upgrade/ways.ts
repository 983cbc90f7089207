/** Several ways to one goal, begun one after the other and tried together. */
import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'

export interface Way {
  /** For the reason of its failure. */
  name: string
  /** Milliseconds after the first. */
  afterMs: number
  /** Resolves when it led to a link. */
  run(signal: AbortSignal): Promise<unknown>
}

/** Resolves when all have ended. @returns why those that failed did; nothing for those the signal ended */
export async function tryWays(ways: readonly Way[], signal: AbortSignal): Promise<string[]> {
  const reasons = await Promise.all(
    ways.map(async ({ name, afterMs, run }) => {
      try {
        if (afterMs > 0) await delay(timerDelay(afterMs), undefined, { signal })
        signal.throwIfAborted()
        await run(signal)
        return undefined
      } catch (error) {
        return signal.aborted ? undefined : `${name}: ${reasonOf(error)}`
      }
    }),
  )
  return reasons.filter(reason => reason !== undefined)
}

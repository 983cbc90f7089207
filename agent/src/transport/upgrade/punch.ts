/**
 * TCP hole punching by simultaneous open (RFC 9293, 3.5): both peers dial each other's punching port from their own, each
 * SYN opens the own NAT for the other's. Repeated while there is time: a SYN that came too early was dropped or refused.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { upgradeDefaults } from './defaults.ts'

export interface PunchInit {
  /** Where the peer's port may be; all are tried together. */
  addrs: readonly string[]
  /** One dial, to the end: resolves when there is a link. */
  dial: (addr: string, signal: AbortSignal) => Promise<unknown>
  punchMs?: number
}

/** Resolves with the first link. @throws MeshError unavailable when there is none in time; the signal's reason */
export async function punch(
  { addrs, dial, punchMs = upgradeDefaults.punchMs }: PunchInit,
  signal: AbortSignal,
) {
  const over = new AbortController()
  const stop = () => over.abort(signal.reason)
  const timer = setTimeout(() => over.abort(), timerDelay(punchMs))
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    await Promise.any(addrs.map(addr => untilOne(addr, dial, over.signal)))
  } catch {
    signal.throwIfAborted()
    throw new MeshError('unavailable', `Cannot punch: no answer in ${punchMs / 1000} s`)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    over.abort()
  }
}

async function untilOne(addr: string, dial: PunchInit['dial'], signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    try {
      await dial(addr, signal)
      return
    } catch {
      await delay(upgradeDefaults.tryAgainMs, undefined, { signal })
    }
  }
}

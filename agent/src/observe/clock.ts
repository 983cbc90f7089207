import type { WallClock } from '@agent-mesh/protocol/clock'
import { timerDelay } from '@agent-mesh/protocol/timers'

/** Time as a port: unix milliseconds, and milliseconds that never step back. */
export interface Clock extends WallClock {
  monotonic(): number
  /** Calls back once after so many of its own milliseconds. @default a timer of the process @returns how to cancel */
  after?(ms: number, work: () => void): () => void
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

/** {@link Clock.after} of a clock, with its default. */
export function after(clock: Clock, ms: number, work: () => void): () => void {
  if (clock.after !== undefined) return clock.after(ms, work)
  const timer = setTimeout(work, timerDelay(ms))
  return () => clearTimeout(timer)
}

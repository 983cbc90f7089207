/** Calls at a steady pace, whatever becomes of the earlier ones, and how each ended. */
import { performance } from 'node:perf_hooks'

export interface CallEnded {
  /** When it began, ms since the first. */
  at: number
  ms: number
  /** Undefined: it was answered. */
  error?: string
}

export interface SteadyCalls {
  readonly ended: CallEnded[]
  /** Begins no more and waits for the last. */
  stop(): Promise<CallEnded[]>
}

export function steadyCalls(perSecond: number, call: (n: number) => Promise<unknown>): SteadyCalls {
  const ended: CallEnded[] = []
  const running = new Set<Promise<void>>()
  const begunAt = performance.now()
  let made = 0
  const one = async (n: number): Promise<void> => {
    const startedAt = performance.now()
    const took = () => ({ at: startedAt - begunAt, ms: performance.now() - startedAt })
    await call(n).then(
      () => ended.push(took()),
      (error: unknown) => ended.push({ ...took(), error: textOf(error) }),
    )
  }
  const timer = setInterval(() => {
    for (const due = ((performance.now() - begunAt) / 1_000) * perSecond; made < due; made++) {
      const ending = one(made).finally(() => running.delete(ending))
      running.add(ending)
    }
  }, 10)
  const stop = async () => {
    clearInterval(timer)
    await Promise.all(running)
    return ended
  }
  return { ended, stop }
}

const textOf = (error: unknown): string =>
  error instanceof Error
    ? `${'code' in error ? String(error.code) : error.name}: ${error.message}`
    : String(error)

/** The `share` (0 to 1) of calls took at most this many ms. */
export function percentile(calls: readonly CallEnded[], share: number): number {
  const sorted = calls.map(({ ms }) => ms).sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0
}

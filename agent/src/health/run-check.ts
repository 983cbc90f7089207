/** Runs a check of the program once, within its time. */
import { printable } from '@agent-mesh/protocol/printable'
import { timerDelay } from '@agent-mesh/protocol/timers'
import type { CheckFunction } from './check-options.ts'
import type { CheckResult } from './check-state.ts'
import { healthDefaults } from './defaults.ts'

/** Text of the program as one short line. */
const shortened = (text: string): string => {
  const line = printable(text)
  const { reasonChars } = healthDefaults
  return line.length <= reasonChars ? line : `${line.slice(0, reasonChars - 1)}…`
}

/**
 * The time is over when the event loop was free for `timeoutMs`: a loop that was blocked runs timers before it reads what came in
 * meanwhile, so a timer that fires late is set once more.
 * @param stopping aborts when the member stops
 * @returns undefined when the member stopped meanwhile. Never rejects.
 */
export async function runCheck(
  fn: CheckFunction,
  timeoutMs: number,
  stopping: AbortSignal,
): Promise<CheckResult | undefined> {
  const own = new AbortController()
  const over = Promise.withResolvers<CheckResult | undefined>()
  const expired = (): CheckResult => ({ level: 'failing', reason: `no result in ${timeoutMs} ms` })
  let timer: NodeJS.Timeout
  const wait = (isLast: boolean): void => {
    const dueAt = performance.now() + timeoutMs
    timer = setTimeout(() => {
      const late = performance.now() - dueAt > healthDefaults.lateMs
      if (late && !isLast) wait(true)
      else over.resolve(expired())
    }, timerDelay(timeoutMs)).unref()
  }
  wait(false)
  const stop = () => over.resolve(undefined)
  stopping.addEventListener('abort', stop, { once: true })
  if (stopping.aborted) stop()
  try {
    return await Promise.race([resultOf(fn, own.signal), over.promise])
  } finally {
    clearTimeout(timer!)
    stopping.removeEventListener('abort', stop)
    own.abort()
  }
}

async function resultOf(fn: CheckFunction, signal: AbortSignal): Promise<CheckResult> {
  try {
    const warning = await fn({ signal })
    if (typeof warning !== 'string' || warning === '') return { level: 'passing' }
    return { level: 'warning', reason: shortened(warning) }
  } catch (error) {
    return { level: 'failing', reason: shortened(error instanceof Error ? error.message : String(error)) }
  }
}

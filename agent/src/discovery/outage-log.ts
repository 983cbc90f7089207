/** Logs of a member whose control plane does not answer: one line, then one a minute, not a stack from each part that asks it. */
import type { Clock } from '../observe/clock.ts'
import type { Logger } from '../observe/logger.ts'
import { discoveryDefaults } from './defaults.ts'
import { UnreachableError } from './http.ts'

/** @returns `log`, but warnings with an {@link UnreachableError} are one line without a stack, at most one in `outageLogMs` */
export function outageLog(log: Logger, clock: Pick<Clock, 'monotonic'>): Logger {
  let loggedAt = -Infinity
  const calm = Object.create(log) as Logger
  const warn = (...given: Parameters<Logger['warn']>): void => {
    const [first, text] = given as readonly unknown[]
    const { err } = (typeof first === 'object' && first !== null ? first : {}) as { err?: unknown }
    if (!(err instanceof UnreachableError)) return log.warn(...given)
    const { message: reason, hint } = err
    const now = clock.monotonic()
    if (now - loggedAt < discoveryDefaults.outageLogMs)
      return log.debug({ event: 'control-plane-still-unreachable', reason }, String(text))
    loggedAt = now
    log.warn(
      { event: 'control-plane-unreachable', reason, hint },
      `the control plane does not answer: ${String(text)}`,
    )
  }
  calm.warn = warn
  return calm
}

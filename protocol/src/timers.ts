/**
 * Timers for any number of milliseconds. Those of Node count in 32 bits: above 2,147,483,647 ms (24.8 days) they fire after 1 ms.
 * Every delay that is not a constant of the program goes through here; a lint rule (test/house/constant-delays.js) sees to that.
 */
import { MeshError } from './errors.ts'

/** The longest that a timer of Node can wait, ms. */
const longestMs = 0x7fff_ffff

/**
 * A delay for a timer of Node, for waits that only have to end some day: what computes a pause, a limit or an interval. 24.8 days
 * at most, 0 at least. A time that a user asked for takes {@link startTimer}, {@link sleep} or {@link timeoutSignal}, which wait for
 * all of it.
 * @throws MeshError `internal` for NaN, which Node takes for 1 ms
 */
export function timerDelay(ms: number): number {
  check(ms)
  return Math.max(0, Math.min(ms, longestMs))
}

/** How to start a timer: {@link startTimer}, or that of another clock. */
export type StartTimer = (ms: number, work: () => void, options?: TimerOptions) => Timer

/** A timer that runs. */
export interface Timer {
  /** Stops it; nothing happens when it has fired. */
  cancel(): void
}

export interface TimerOptions {
  /** Whether it keeps the process alive. @default true */
  readonly ref?: boolean
}

/**
 * Calls `work` once after `ms`: at once for 0 or less, never for Infinity.
 * @throws MeshError `internal` for NaN
 */
export function startTimer(ms: number, work: () => void, { ref = true }: TimerOptions = {}): Timer {
  check(ms)
  let left = ms
  let handle: NodeJS.Timeout
  const next = (): void => {
    const step = timerDelay(left)
    left -= step
    handle = setTimeout(left > 0 ? next : work, step)
    if (!ref) handle.unref()
  }
  next()
  return { cancel: () => clearTimeout(handle) }
}

/** Resolves after `ms`; rejects with the reason of `signal` when that is aborted before. */
export function sleep(
  ms: number,
  {
    signal,
    start = startTimer,
    ...options
  }: TimerOptions & { signal?: AbortSignal | undefined; start?: StartTimer } = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error)
    const over = (): void => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }
    const timer = start(ms, over, options)
    const aborted = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    signal?.addEventListener('abort', aborted, { once: true })
  })
}

/**
 * A signal that is aborted after `ms` with a TimeoutError. Like AbortSignal.timeout it keeps no process alive.
 * @param start of the clock that measures it
 */
export function timeoutSignal(ms: number, start: StartTimer = startTimer): AbortSignal {
  check(ms)
  // What is shorter is left to Node, whose signals are collected once nothing refers to them.
  if (ms <= longestMs && start === startTimer) return AbortSignal.timeout(Math.ceil(timerDelay(ms)))
  const controller = new AbortController()
  const expired = (): void => {
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
  }
  start(ms, expired, { ref: false })
  return controller.signal
}

function check(ms: number): void {
  if (Number.isNaN(ms)) throw new MeshError('internal', 'Cannot start a timer: its time is NaN')
}

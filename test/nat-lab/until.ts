/** Waiting for a condition, with a bound. */
import { setTimeout as delay } from 'node:timers/promises'

/** Looks each `everyMs` until `holds` says yes. @returns ms it took, undefined when it did not within `ms` */
export async function until(
  holds: () => boolean | Promise<boolean>,
  ms: number,
  everyMs = 50,
): Promise<number | undefined> {
  const began = performance.now()
  for (;;) {
    if (await holds()) return performance.now() - began
    if (performance.now() - began > ms) return undefined
    await delay(everyMs)
  }
}

/** As {@link until}. @throws Error that says what did not come about */
export async function waitUntil(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  ms: number,
): Promise<number> {
  const took = await until(holds, ms)
  if (took !== undefined) return took
  throw new Error(`Cannot go on: after ${ms} ms still not: ${typeof what === 'string' ? what : what()}`)
}

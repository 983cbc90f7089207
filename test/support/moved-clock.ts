/** A clock of a process that can be moved while it runs, by libfaketime (Debian: apt-get install faketime). */
import { globSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'

const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')

/** Why the clock of a process cannot be moved here; in CI that is a failure. */
export const noMovedClock =
  library === undefined ? 'libfaketime is not installed: apt-get install faketime' : undefined

if (noMovedClock !== undefined && process.env['CI'] === 'true') throw new Error(noMovedClock)

/**
 * @param file below a temporary folder
 * @returns the environment of the process, and how to move its clock: `+365d`, `@1970-01-02 00:00:00`, `+0`
 */
export function movedClock(file: string): { env: NodeJS.ProcessEnv; set: (time: string) => Promise<void> } {
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      // Timers are not affected: they run on the monotonic clock.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    set: time => writeFile(file, `${time}\n`),
  }
}

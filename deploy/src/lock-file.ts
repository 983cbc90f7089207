/** The file of a lock, for those that do not hold it. */
import { closeSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'

/** After so long, a turn was left by a process that was killed in it, ms. */
const turnMs = 10_000

/** @returns undefined where there is none @throws what the system says of one that cannot be read: of another user, say */
export function readLock(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Removes a lock whose processes have ended. Another process may do so at the same time, and hold the lock a moment later: one removes
 * at a time, in its turn, and nothing but what it has read before.
 */
export function removeLeft(file: string, text: string): void {
  const turn = `${file}.turn`
  try {
    closeSync(openSync(turn, 'wx', 0o600))
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    const since = statSync(turn, { throwIfNoEntry: false })?.mtimeMs
    if (since !== undefined && Date.now() - since > turnMs) rmSync(turn, { force: true })
    return
  }
  try {
    if (readLock(file) === text) rmSync(file, { force: true })
  } finally {
    rmSync(turn, { force: true })
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

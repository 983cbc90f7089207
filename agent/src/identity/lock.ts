import { chmodSync } from 'node:fs'
import { openDatabase } from './database.ts'

export interface Lock {
  readonly released: boolean
  release(): void
}

const busy = 5

/**
 * An exclusive lock that the system gives back when the process ends, however it ends: an SQLite transaction that
 * stays open. Files with a pid in them outlive a crash, and pids are reused.
 * @returns undefined when another process, or another part of this one, holds it
 */
export function takeLock(path: string): Lock | undefined {
  const database = openDatabase(path, 0)
  try {
    chmodSync(path, 0o600)
    // Nothing is ever committed. With its journal in memory the lock needs no room on a disk that is full.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === busy) return undefined
    throw error
  }
  let released = false
  return {
    get released() {
      return released
    },
    release: () => {
      if (released) return
      released = true
      database.close()
    },
  }
}

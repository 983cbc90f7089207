/** A built-in check: free space of the data folder, read every 10 s. */
import { statfsSync } from 'node:fs'
import type { CheckResult } from './check-state.ts'
import { healthDefaults } from './defaults.ts'

export interface DiskSpaceInit {
  readonly folder: string
  /** Monotonic ms. */
  readonly now: () => number
  /** Free bytes for this user. @throws what the file system throws */
  readonly freeBytes?: (folder: string) => number
}

const freeOf = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

export function diskSpace({ folder, now, freeBytes = freeOf }: DiskSpaceInit): () => CheckResult {
  let readAt = -Infinity
  let last: CheckResult = { level: 'passing' }
  return () => {
    if (now() - readAt < healthDefaults.diskLookMs) return last
    readAt = now()
    return (last = look(folder, freeBytes))
  }
}

function look(folder: string, freeBytes: (folder: string) => number): CheckResult {
  try {
    const free = freeBytes(folder)
    if (free >= healthDefaults.diskLowBytes) return { level: 'passing' }
    const mib = Math.floor(free / 1024 ** 2)
    return { level: 'warning', reason: `the disk of ${folder} is nearly full: ${mib} MiB free` }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { level: 'warning', reason: `cannot read the free space of ${folder}: ${why}` }
  }
}

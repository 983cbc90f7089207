/** Whether a disk has room for the database, and what SQLite says when it has none. */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { leastRoomBytes } from '../../defaults.ts'

/** SQLITE_FULL: of the disk, or of the share of it that the user may have. */
const full = 13
/** Families of SQLITE_IOERR and SQLITE_CANTOPEN: what they mean depends on the disk. */
const families = new Set([10, 14])

/** Bytes free for the user of this process on the disk of a database file; Infinity where that is not known. */
export function freeBytes(file: string): number {
  if (file === ':memory:') return Infinity
  try {
    const { bavail, bsize } = statfsSync(dirname(file))
    return bavail * bsize
  } catch {
    return Infinity
  }
}

export const hasRoom = (file: string): boolean => freeBytes(file) >= leastRoomBytes

/** Whether SQLite failed because the disk of `file` is full. */
export function isNoRoom(cause: unknown, file: string): boolean {
  const code = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) : 0
  return code === full || (families.has(code & 0xff) && !hasRoom(file))
}

/** Whether the disk of a file has room, and what SQLite says when it has none. */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { MeshError } from '@agent-mesh/protocol'

/** Less than this is a full disk, bytes: a page of the map and SQLite's log of it. */
const leastRoomBytes = 256 * 1024

/** SQLITE_FULL. */
const full = 13
/** SQLITE_IOERR and SQLITE_CANTOPEN mean it when there is no room. */
const families = new Set([10, 14])

/** True where it is not known. */
export function hasRoom(file: string): boolean {
  if (file === ':memory:') return true
  try {
    const { bavail, bsize } = statfsSync(dirname(file))
    return bavail * bsize >= leastRoomBytes
  } catch {
    return true
  }
}

/** Whether SQLite failed because the disk of `file` is full. */
export function isNoRoom(cause: unknown, file: string): boolean {
  const code = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) : 0
  return code === full || (families.has(code & 0xff) && !hasRoom(file))
}

/** What is said of it, by errors and by `status`. */
export const diskFull = (file: string, cause?: unknown): MeshError =>
  new MeshError('unavailable', `Cannot write ${file}: disk full`, {
    cause,
    hint: `Free space on the disk of ${dirname(file)}; nothing was lost.`,
  })

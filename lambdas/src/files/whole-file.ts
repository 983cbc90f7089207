/** Files of the data folder: written whole or not at all, readable by their owner alone. */
import { MeshError } from '@agent-mesh/protocol'
import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'

/** System errors of a full disk, or of a used-up quota. */
const noRoom = new Set(['ENOSPC', 'EDQUOT'])

/** The error of a failed file operation. @param action that failed, with the file */
export function fileFailure(action: string, cause: unknown): MeshError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  if (noRoom.has(code))
    return new MeshError('unavailable', `Cannot ${action}: disk full (${code})`, {
      cause,
      hint: 'Free space on that disk; nothing was lost.',
    })
  return new MeshError('permission_denied', `Cannot ${action}: ${code}`, { cause })
}

/** Replaces `path`, mode 0600. @throws MeshError unavailable when the disk is full, permission_denied */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeFile(temporary, text, { mode: 0o600, flush: true })
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw fileFailure(`write ${path}`, cause)
  }
}

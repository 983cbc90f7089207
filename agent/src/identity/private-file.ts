/** Files and folders for their owner alone, whatever the umask, written whole or not at all. */
import { randomBytes } from 'node:crypto'
import { closeSync, fchmodSync, fstatSync, openSync } from 'node:fs'
import { chmod, link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MeshError } from '@agent-mesh/protocol/errors'
import { makeFolders } from './make-folders.ts'

/** System errors of a disk, or of a user's share of it, that is full. */
const noRoom = new Set(['ENOSPC', 'EDQUOT'])

/** System errors of a path that leads to nothing, in words. */
const nothing: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is no folder',
}

/** Codes of a path that no file can have, in words. */
const impossible: Readonly<Record<string, string>> = {
  ENAMETOOLONG: 'its name is too long',
  ERR_INVALID_ARG_VALUE: 'its path has a character that no path may have',
}

/** `ENOENT` and the like, of an error of the system or one that tells of it; what else an error says that does neither. */
export function systemCode(error: unknown): string {
  if (error instanceof MeshError && typeof error.details?.['system'] === 'string')
    return error.details['system']
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

export const isDiskFull = (error: unknown): boolean => noRoom.has(systemCode(error))

/** The error of a failed operation on a file; {@link systemCode} reads its details, also at another member. @param action what cannot be done, with the file */
export function fileFailure(action: string, cause: unknown): MeshError {
  const system = systemCode(cause)
  const reason = impossible[system]
  if (reason !== undefined) return new MeshError('invalid_argument', `Cannot ${action}: ${reason}`, { cause })
  if (!isDiskFull(cause)) return new MeshError('permission_denied', `Cannot ${action}: ${system}`, { cause })
  return new MeshError('unavailable', `Cannot ${action}: disk full (${system})`, {
    cause,
    hint: 'Free space on that disk; nothing was lost.',
    details: { system },
  })
}

/** As {@link fileFailure}, of a file that ought to be there. */
export function readFailure(action: string, cause: unknown): MeshError {
  const reason = nothing[systemCode(cause)]
  if (reason === undefined) return fileFailure(action, cause)
  return new MeshError('not_found', `Cannot ${action}: ${reason}`, { cause })
}

/** Creates `path`, mode 0600; `link` refuses an existing name, where a rename would replace it. @throws what the system says */
export const writeOnce = (path: string, text: string): Promise<void> => write(path, text, link)

/** Replaces `path`, mode 0600. @throws what the system says, and what `text` throws; then the old file stands */
export const replaceFile = (path: string, text: string | AsyncIterable<string>): Promise<void> =>
  write(path, text, rename)

async function write(
  path: string,
  text: string | AsyncIterable<string>,
  put: (from: string, to: string) => Promise<void>,
) {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.chmod(0o600)
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await put(temporary, path)
    await syncFolder(dirname(path))
  } finally {
    await rm(temporary, { force: true })
  }
}

/** After a power cut the new name is there. Systems that cannot do it keep names by themselves. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

/** Creates `path` if need be, and makes it 0600: SQLite gives the files beside a database the same mode. */
export function makePrivate(path: string): void {
  const handle = openSync(path, 'a', 0o600)
  try {
    if ((fstatSync(handle).mode & 0o777) !== 0o600) fchmodSync(handle, 0o600)
  } finally {
    closeSync(handle)
  }
}

/**
 * Makes a data folder, mode 0700, or looks whether the one there is may be used.
 * @returns whether it is new
 * @throws MeshError permission_denied when it cannot be made or others may write it, unavailable when the disk is full
 */
export async function makeFolder(path: string): Promise<boolean> {
  try {
    if ((await makeFolders(path, 0o700)) !== undefined) {
      await chmod(path, 0o700)
      return true
    }
  } catch (cause) {
    const { code, message } = fileFailure(`make data folder ${path}`, cause)
    throw new MeshError(code, message, { cause, hint: 'Choose another folder with --data DIR.' })
  }
  const { mode } = await stat(path)
  if (process.platform === 'win32' || (mode & 0o022) === 0) return false
  throw new MeshError(
    'permission_denied',
    `Cannot use data folder ${path}: others may write it (mode ${(mode & 0o777).toString(8)})`,
    { hint: `If nobody else did: chmod 700 ${path}. Else choose a folder below it with --data DIR.` },
  )
}

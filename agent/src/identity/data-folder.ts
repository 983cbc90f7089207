/** A data folder and its one process: agents and relays of programs and the daemons of the command take the same lock. */
import { readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { takeLock, type Lock } from './lock.ts'
import { isDiskFull, makeFolder, replaceFile } from './private-file.ts'

/** A data folder that this process owns until `release()`. */
export interface OwnedFolder {
  readonly path: string
  /** Idempotent. @param failed whether nothing was begun in it: a folder made for that, and empty, is removed */
  release(failed?: boolean): Promise<void>
}

/** For a process that stays. */
const ownFolderHint =
  'Use another data folder (--context NAME or --data DIR), or stop the process that owns this one.'

const ownerFile = (folder: string) => join(folder, 'owner.json')

/**
 * Makes the folder (mode 0700) and takes its lock, so that two processes never share one.
 * @param kind what owns it, for the error of another process: `agent`, `relay`
 * @param hint of the error when it is in use. @default to use another folder
 * @throws MeshError conflict when another process or another part of this one owns it, permission_denied when it cannot
 * be made or others may write it, unavailable when the disk is full
 */
export async function ownFolder(
  path: string,
  kind: string,
  hint: string = ownFolderHint,
): Promise<OwnedFolder> {
  const isNew = await makeFolder(path)
  const lock = lockOf(path)
  if (lock === undefined) throw await inUse(path, hint)
  // Names the owner; the lock decides. A process that is restarted on a full disk starts without.
  await replaceFile(ownerFile(path), JSON.stringify({ pid: process.pid, kind })).catch((error: unknown) => {
    if (isDiskFull(error)) return
    lock.release()
    throw toMeshError(error, 'permission_denied', `write who owns data folder ${path}`)
  })
  return { path, release: failed => release(path, lock, failed === true && isNew) }
}

function lockOf(path: string): Lock | undefined {
  try {
    return takeLock(join(path, 'lock'))
  } catch (error) {
    throw toMeshError(error, 'permission_denied', `lock data folder ${path}`)
  }
}

async function release(path: string, lock: Lock, remove: boolean): Promise<void> {
  if (lock.released) return
  // The lock goes last: what is removed here must not be the next owner's.
  await rm(ownerFile(path), { force: true })
  const empty = remove && (await readdir(path)).every(name => name.startsWith('lock'))
  if (empty) await rm(join(path, 'lock'))
  lock.release()
  if (empty) await rmdir(path).catch(() => undefined)
}

async function inUse(path: string, hint: string): Promise<MeshError> {
  const owner = await readFile(ownerFile(path), 'utf8').catch(() => '')
  const [, kind] = /"kind":"([\w-]+)"/.exec(owner) ?? []
  const [, pid] = /"pid":(\d+)/.exec(owner) ?? []
  const who = kind === undefined || pid === undefined ? 'another process' : `agent-mesh ${kind} (pid ${pid})`
  return new MeshError('conflict', `Cannot use data folder ${path}: ${who} owns it`, { hint })
}

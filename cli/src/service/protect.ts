/** Makes the folder of a service's keys, and keeps other users of the machine out of it. */
import { fileFailure, systemCode } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, rename, rmdir } from 'node:fs/promises'

import { runTool } from './run-tool.ts'
import type { Protection } from './service-manager.ts'

/**
 * Adopts nothing that others could write: a folder that is there has to be closed to them, and a new one gets its name once it is
 * closed and empty. A closed folder is not opened for a moment either, as a reset of its rights would.
 * @throws MeshError conflict for a folder that others could write or a link, permission_denied, unavailable, unsupported, cancelled
 */
export async function protect(protection: Protection, signal: AbortSignal): Promise<void> {
  const { folder, show, isClosed } = protection
  const found = await lstat(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw fileFailure(`read ${folder}`, error)
  })
  if (found === undefined) return await make(protection, signal)
  if (!found.isDirectory()) throw refusal(folder, 'it is a link or a file')
  if (!isClosed(await runTool(show, signal)))
    throw refusal(folder, 'it is there, and other users of this machine could write into it')
  await close(protection, folder, signal)
}

async function make(protection: Protection, signal: AbortSignal): Promise<void> {
  const { folder } = protection
  const fresh = `${folder}-${randomBytes(6).toString('hex')}`
  try {
    await mkdir(fresh)
    await close(protection, fresh, signal)
    if ((await readdir(fresh)).length > 0)
      throw refusal(fresh, 'another user wrote into it before it was closed')
    await rename(fresh, folder)
  } catch (error) {
    await rmdir(fresh).catch(() => undefined)
    throw error instanceof MeshError ? error : fileFailure(`make ${folder}`, error)
  }
}

async function close({ close }: Protection, folder: string, signal: AbortSignal): Promise<void> {
  for (const tool of close(folder)) await runTool(tool, signal)
}

const refusal = (folder: string, why: string): MeshError =>
  new MeshError('conflict', `Cannot keep keys in ${folder}: ${why}`, {
    hint: 'Look at what is in it, remove or rename it, and install again.',
  })

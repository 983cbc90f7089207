/**
 * Where the process of a data folder listens: on the socket `DIR/agent.sock`. Node on Windows listens on named pipes alone: there
 * `agent.sock` is a file with the name of one, which has 128 random bits and is another at each start.
 */
import { parse } from '@agent-mesh/protocol/parse'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod/mini'

const prefix = String.raw`\\.\pipe\agent-mesh-`
const pipeName = z
  .string()
  .check(z.regex(/^\\\\\.\\pipe\\agent-mesh-[0-9a-f]{32}$/, 'it is not the name of a pipe of Agent Mesh'))
/** Bytes of the file that are read: one more than a name has, so that a longer one is none. */
const nameBytes = prefix.length + 32 + 1

/** Path of the local socket, and on Windows of the file that names it. */
export const socketPath = (folder: string): string => join(folder, 'agent.sock')

/** What a process that owns the folder is to listen on; when it is not {@link socketPath}, that file has to get it. */
export const newAddress = (folder: string, platform = process.platform): string =>
  platform === 'win32' ? `${prefix}${randomBytes(16).toString('hex')}` : socketPath(folder)

/**
 * What to connect to.
 * @param isHeld whether a process has a lock of Windows
 * @returns undefined when the folder says that no process runs
 * @throws MeshError protocol_error for a file that names no pipe; what the system says of one that cannot be read
 */
export function localAddress(
  folder: string,
  platform = process.platform,
  isHeld = isOpenElsewhere,
): string | undefined {
  const file = socketPath(folder)
  if (platform !== 'win32') return file
  const name = textOf(file)
  if (name === undefined) return undefined
  const pipe = parse(pipeName, name, `read ${file}`, 'protocol_error')
  // Killed processes leave the file, and users may list pipes: another one could have made a pipe of that name since.
  return isHeld(join(folder, 'lock')) ? pipe : undefined
}

/** @returns undefined when there is no such file */
function textOf(file: string): string | undefined {
  try {
    const handle = openSync(file, 'r')
    try {
      const bytes = Buffer.alloc(nameBytes)
      return bytes.toString('latin1', 0, readSync(handle, bytes))
    } finally {
      closeSync(handle)
    }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Windows renames no file that SQLite has open. It is looked at so because that takes nothing from a process that starts now. */
function isOpenElsewhere(lock: string): boolean {
  try {
    renameSync(lock, lock)
    return false
  } catch (error) {
    return !isMissing(error)
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

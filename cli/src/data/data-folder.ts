import { ownFolder, type OwnedFolder } from '@agent-mesh/agent/identity/data-folder'
import { MeshError } from '@agent-mesh/protocol/errors'
import { join } from 'node:path'

import { commandDefaults } from '../defaults.ts'

export type { OwnedFolder } from '@agent-mesh/agent/identity/data-folder'

/** For commands that change a folder and end. */
export const stopFirst = 'Stop that process, then run this command again.'

/**
 * Makes the folder of a command and takes its lock.
 * @param hint of the error when another process owns it. @default to use another folder
 * @throws MeshError as {@link ownFolder}; invalid_argument when its socket path would be cut short
 */
export async function ownDataFolder(path: string, kind: string, hint?: string): Promise<OwnedFolder> {
  checkSocketPath(path)
  return ownFolder(path, kind, hint)
}

/** Path of the local socket. */
export const socketPath = (folder: string): string => join(folder, 'agent.sock')

/** @throws MeshError invalid_argument when the system would cut the socket path short */
export function checkSocketPath(folder: string): void {
  const bytes = Buffer.byteLength(socketPath(folder))
  if (bytes <= commandDefaults.socketPathBytes) return
  throw new MeshError(
    'invalid_argument',
    `Cannot use data folder ${folder}: its socket path has ${bytes} bytes, the limit is ${commandDefaults.socketPathBytes}`,
    { hint: 'Choose a folder with a shorter path: --data DIR.' },
  )
}

import { ownFolder, type OwnedFolder } from '@agent-mesh/agent/identity/data-folder'
import { socketPath } from '@agent-mesh/agent/gateway/local-address'
import { MeshError } from '@agent-mesh/protocol/errors'

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

/** @throws MeshError invalid_argument when the system would cut the socket path short: that of Windows does not depend on the folder */
export function checkSocketPath(folder: string, platform = process.platform): void {
  if (platform === 'win32') return
  const bytes = Buffer.byteLength(socketPath(folder))
  if (bytes <= commandDefaults.socketPathBytes) return
  throw new MeshError(
    'invalid_argument',
    `Cannot use data folder ${folder}: its socket path has ${bytes} bytes, the limit is ${commandDefaults.socketPathBytes}`,
    { hint: 'Choose a folder with a shorter path: --data DIR.' },
  )
}

/** A file of lines for a SIEM: mode 0600; when it is full it becomes FILE.1, FILE.1 becomes FILE.2, and the oldest is deleted. */
import { toMeshError } from '@agent-mesh/protocol/errors'
import { open, rename, rm } from 'node:fs/promises'

import type { Receiver } from './syslog-receiver.ts'

export interface RotatedFileInit {
  readonly file: string
  /** Bytes of a file. */
  readonly most: number
  /** Full files that are kept, a count. */
  readonly keep: number
}

/** Appends a line a message, and forces it to the disk. @throws MeshError permission_denied when it cannot be written */
export async function rotatedFile({ file, most, keep }: RotatedFileInit): Promise<Receiver> {
  const failed = (error: unknown): never => {
    throw toMeshError(error, 'permission_denied', `write ${file}`)
  }
  const opened = async () => {
    const handle = await open(file, 'a', 0o600)
    // It may have been there with another mode.
    await handle.chmod(0o600)
    return { handle, bytes: (await handle.stat()).size }
  }
  let current = await opened().catch(failed)
  const rotate = async () => {
    await current.handle.close()
    await rm(`${file}.${keep}`, { force: true })
    for (let number = keep - 1; number >= 1; number--)
      await rename(`${file}.${number}`, `${file}.${number + 1}`).catch(ignoreMissing)
    if (keep > 0) await rename(file, `${file}.1`)
    else await rm(file)
    current = await opened()
  }
  const append = async (message: string) => {
    const line = Buffer.from(`${message}\n`)
    if (current.bytes > 0 && current.bytes + line.length > most) await rotate()
    await current.handle.appendFile(line)
    await current.handle.datasync()
    current.bytes += line.length
  }
  return {
    send: message => append(message).catch(failed),
    close: () => current.handle.close(),
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}

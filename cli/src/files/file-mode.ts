/** Modes of files that are copied. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** Whether the owner of a file may run it. */
export const isExecutable = (mode: number): boolean => (mode & 0o100) !== 0

/**
 * Gives a file that was saved the mode of the one that it replaced; executable for those who may read it, or for none.
 * @param before mode of the one before; undefined: there was none
 */
export async function setMode(path: string, executable: boolean, before: number | undefined): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { mode } = await handle.stat()
    const readable = (before ?? mode) & 0o666
    await handle.chmod(readable | (executable ? (readable & 0o444) >> 2 : 0))
  } finally {
    await handle.close()
  }
}

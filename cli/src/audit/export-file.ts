/** The file of an export: written whole or not at all, so that an export that fails leaves the one before. */
import { fileFailure, replaceFile } from '@agent-mesh/agent/identity/private-file'
import { open, realpath, stat } from 'node:fs/promises'

/**
 * Replaces a file, mode 0600; a pipe or a device is written to as it is.
 * @throws MeshError permission_denied, unavailable when the disk is full, and what `lines` throws
 */
export async function writeExport(path: string, lines: AsyncIterable<string>): Promise<void> {
  try {
    if (await isSpecial(path)) return await writeTo(path, lines)
    // Of a link, the file that it leads to.
    await replaceFile(await realpath(path).catch(() => path), lines)
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw fileFailure(`write ${path}`, error)
    throw error
  }
}

const isSpecial = (path: string): Promise<boolean> =>
  stat(path).then(
    found => !found.isFile(),
    () => false,
  )

async function writeTo(path: string, lines: AsyncIterable<string>): Promise<void> {
  const handle = await open(path, 'w')
  try {
    await handle.writeFile(lines)
  } finally {
    await handle.close()
  }
}

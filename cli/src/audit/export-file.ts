/** The file of an export or a report: written whole or not at all, so that an export that fails leaves the one before. */
import { fileFailure, replaceFile, systemCode } from '@agent-mesh/agent/identity/private-file'
import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, mkdtemp, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { Pieces } from './pieces.ts'

/** System errors of a folder in which no file can be put beside another one. */
const closed = new Set(['EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG'])

/**
 * Replaces a file, mode 0600. A pipe or a device is written to as it is, and so is, once all is gathered, a file beside which there can
 * be no other.
 * @throws MeshError permission_denied, unavailable when the disk is full, and what `text` throws
 */
export async function writeExport(path: string, text: string | AsyncIterable<string>): Promise<void> {
  try {
    const found = await stat(path).catch(() => undefined)
    const pieces = new Pieces(text)
    if (found?.isFile() === false) return await pipeline(pieces, createWriteStream(path))
    // Of a link, the file that it leads to.
    const file = await realpath(path).catch(() => path)
    await replaceFile(file, pieces).catch((error: unknown) => {
      if (found === undefined || pieces.begun || !closed.has(systemCode(error))) throw error
      return overwrite(file, pieces)
    })
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw fileFailure(`write ${path}`, error)
    throw error
  }
}

/** Gathers all elsewhere first. */
async function overwrite(path: string, pieces: Pieces): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-export-'))
  try {
    const gathered = join(folder, 'all')
    await replaceFile(gathered, pieces)
    // Only its owner can.
    await chmod(path, 0o600).catch(() => undefined)
    await pipeline(createReadStream(gathered), createWriteStream(path))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

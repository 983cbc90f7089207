/** Downloads the program of a release beside the installed one, and lets it through only if it is what it should be. */
import { fileFailure } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { createHash } from 'node:crypto'
import { open, rm, stat } from 'node:fs/promises'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'

import { upgradeDefaults } from './defaults.ts'
import type { Release } from './find-release.ts'
import { versionOf, type InstalledProgram } from './installed-program.ts'
import { openReleaseFile, whileReading, type Access } from './read-release.ts'

/**
 * Writes it to `program.next`: the checksum of the download is right, it starts, and it says the version of the release.
 * @param sha256 expected in place of the one in SHA256SUMS, hexadecimal
 * @throws MeshError as {@link openReleaseFile}; protocol_error, too_large, not_found; then `next` is not there
 */
export async function fetchProgram(
  program: InstalledProgram,
  release: Release,
  sha256: string | undefined,
  access: Access,
): Promise<void> {
  const { folder, file, version } = release
  try {
    const download = await openReleaseFile(folder, file, upgradeDefaults.downloadMs, access)
    if (download === undefined)
      throw new MeshError('not_found', `Cannot upgrade to ${version}: ${folder}/${file} is missing`)
    const found = await unpack(`${folder}/${file}`, download, program, access.signal)
    const expected = sha256 ?? release.sha256
    if (found !== expected) throw unfit(version, `the checksum of ${file} is ${found}, not ${expected}`)
    const said = await versionOf(program.next)
    if (access.signal.aborted) throw whileReading(folder, access.signal, access.signal.reason)
    if (said !== version)
      throw unfit(
        version,
        said === undefined ? 'its program does not start here' : `its program says ${said}`,
      )
  } catch (error) {
    await rm(program.next, { force: true })
    throw error
  }
}

const unfit = (version: string, reason: string): MeshError =>
  new MeshError('protocol_error', `Cannot upgrade to ${version}: ${reason}; nothing was changed`)

/** @returns the checksum of what was read */
async function unpack(
  address: string,
  download: NodeJS.ReadableStream,
  { next, path }: InstalledProgram,
  signal: AbortSignal,
): Promise<string> {
  await rm(next, { force: true })
  const { mode, uid, gid } = await stat(path)
  const handle = await open(next, 'wx', 0o700).catch((error: unknown) => {
    throw fileFailure(`write ${next}`, error)
  })
  const hash = createHash('sha256')
  try {
    const read = capped(address, upgradeDefaults.downloadBytes, chunk => void hash.update(chunk))
    const unpacked = capped(address, upgradeDefaults.programBytes)
    await pipeline(download, read, createGunzip(), unpacked, source => handle.writeFile(source), { signal })
    await handle.sync()
    await handle.chmod((mode & 0o777) | 0o100)
    // Root may replace the program of a user, who can then still replace it.
    if (process.getuid?.() === 0) await handle.chown(uid, gid)
  } catch (error) {
    const isOfDisk =
      error instanceof Error && 'syscall' in error && /^(write|fsync|fch)/.test(String(error.syscall))
    throw isOfDisk ? fileFailure(`write ${next}`, error) : whileReading(address, signal, error)
  } finally {
    await handle.close()
  }
  return hash.digest('hex')
}

function capped(address: string, most: number, see?: (chunk: Buffer) => void): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.byteLength
      see?.(chunk)
      done(
        bytes > most ? new MeshError('too_large', `Cannot read ${address}: over ${most} bytes`) : null,
        chunk,
      )
    },
  })
}

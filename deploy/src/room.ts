/** Room on disks, looked at before anything is changed: a disk that fills half way stops the way back, too. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

const mebibyte = 1024 ** 2
/** For the images, or the program, of two versions. */
export const leastForVersions = 1_024 * mebibyte
/** For a backup of the store. */
export const leastForBackup = 256 * mebibyte

/** Of the disk of a folder, or of the nearest one above that exists. @throws MeshError unavailable with less than `least` bytes */
export async function checkRoom(folder: string, least: number): Promise<void> {
  const free = await freeBytes(folder)
  if (free < least) throw tooLittle(folder, free, least)
}

/** @param where a folder, for the operator @param free bytes */
export const tooLittle = (where: string, free: number, least: number): MeshError =>
  new MeshError(
    'unavailable',
    `Cannot deploy: ${where} has ${Math.floor(free / mebibyte)} MiB free, ${Math.ceil(least / mebibyte)} MiB are needed`,
    { hint: 'Free some: images and backups of versions that are no longer needed, for example.' },
  )

async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch (error) {
    const above = dirname(folder)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw error
    return freeBytes(above)
  }
}

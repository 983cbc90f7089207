import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

import { buildDebianPackage } from './debian-package.ts'
import { downloadOf, type Platform } from './platforms.ts'
import { buildSingleFile } from './single-file.ts'

const mostDownloadedBytes = 50e6

/**
 * What a release has for one platform: the single file, packed, and for Linux the Debian package.
 * @param command folder of the command's package
 * @param work a folder for what it needs meanwhile
 * @returns their names in `out`
 * @throws Error when one is larger than a release allows
 */
export async function buildPlatform(
  root: string,
  platform: Platform,
  command: string,
  version: string,
  work: string,
  out: string,
): Promise<string[]> {
  const folder = join(work, platform.name)
  await mkdir(folder)
  const program = join(folder, 'program-file')
  await buildSingleFile(platform, command, join(folder, 'single-file'), program)
  const name = downloadOf(platform)
  await pipeline(createReadStream(program), createGzip({ level: 9 }), createWriteStream(join(out, name)))
  const { size } = await stat(join(out, name))
  if (size > mostDownloadedBytes)
    throw new Error(`Cannot release: ${name} has ${size} bytes, at most ${mostDownloadedBytes}`)
  const made = [name]
  if (platform.os === 'linux')
    made.push(await buildDebianPackage(root, program, platform.arch, version, folder, out))
  await rm(folder, { recursive: true })
  return made
}

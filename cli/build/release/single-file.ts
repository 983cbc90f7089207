/** One executable file a platform, Node in it, for machines without Node: Node's single executable application. */
import { chmod, copyFile, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { signMachO } from './mach-o-signature.ts'
import { programsFolder } from './node-programs.ts'
import type { Platform } from './platforms.ts'
import { dropCertificate } from './portable-executable.ts'
import { makeBlob } from './single-file-blob.ts'
import { runProgram, runTool } from './tools.ts'

const mostBytes = 130e6
/** What marks, in Node's program, that something was put into it. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/**
 * Makes it on Linux x64 for any platform, from the folder of the command's package.
 * @param work an empty folder for what it needs meanwhile
 * @throws Error when the file is larger than a release allows
 */
export async function buildSingleFile(
  platform: Platform,
  command: string,
  work: string,
  to: string,
): Promise<void> {
  const blob = await makeBlob(platform, command, work)
  await copyFile(join(programsFolder, platform.node, platform.program), to)
  await chmod(to, 0o755)
  await dropSymbols(platform, to)
  const segment = platform.os === 'darwin' ? ['--macho-segment-name', 'NODE_SEA'] : []
  await runTool('postject', [to, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse, ...segment])
  await replaceSignature(platform, to)
  const { size } = await stat(to)
  if (size > mostBytes)
    throw new Error(
      `Cannot release: the single file for ${platform.name} has ${size} bytes, at most ${mostBytes}`,
    )
}

/** Node's authors signed something else. macOS on arm64 starts nothing that has no signature; Windows warns of that without one. */
async function replaceSignature({ os }: Platform, file: string): Promise<void> {
  if (os === 'linux') return
  const program = await readFile(file)
  if (os === 'win32') dropCertificate(program)
  await writeFile(file, os === 'win32' ? program : signMachO(program, 'agent-mesh'))
}

/** Names for debuggers: 18 MB of the programs for Linux. The strip(1) of a machine knows the programs of its own processor. */
async function dropSymbols({ os, arch }: Platform, file: string): Promise<void> {
  if (os !== 'linux') return
  const strip = arch === 'x64' ? 'strip' : 'aarch64-linux-gnu-strip'
  await runProgram(strip, ['--strip-unneeded', file])
}

/** Programs of this machine in a folder that becomes the root of a container or a chroot. */
import { execFile } from 'node:child_process'
import { cp, mkdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const which = async (command: string): Promise<string> =>
  (await run('sh', ['-c', `command -v ${command}`])).stdout.trim()

/** Copies a program with the libraries that it is linked with. */
export async function copyProgram(root: string, from: string, to: string): Promise<void> {
  await cp(await realpath(from), join(root, to))
  await copyLibraries(root, from)
}

/** Copies the libraries that a program is linked with, but for those in `but`, which it brings with it. */
export async function copyLibraries(root: string, program: string, but?: string): Promise<void> {
  const { stdout } = await run('ldd', [program])
  for (const [library] of stdout.matchAll(/\/\S+\.so\S*/g))
    if (but === undefined || !library.startsWith(but)) await copyWithin(root, library)
}

/** Copies a file to the same path; from /lib to /usr/lib. */
export async function copyWithin(root: string, file: string): Promise<void> {
  const to = join(root, file.replace(/^\/lib/, '/usr/lib'))
  await mkdir(dirname(to), { recursive: true })
  await cp(await realpath(file), to)
}

/** The release before this one: its sources, from the history of this repository. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdir, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Members and control planes of both work together. To be set to the commit of each release once that is out. */
export const releaseBefore = '41d814e3aa90fc0d43a5e4d2cb011d4d6d5e6f87'

const root = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

/** Why it cannot be unpacked here; undefined when it can. In CI that fails instead of being skipped. */
export function releaseBeforeMissing(): string | undefined {
  try {
    execFileSync('git', ['cat-file', '-e', `${releaseBefore}^{commit}`], { cwd: root, stdio: 'ignore' })
    return undefined
  } catch {
    const reason = `the release before, commit ${releaseBefore}, is not in the history of this checkout`
    if (process.env['CI'] === 'true') throw new Error(`Cannot run: ${reason}`)
    console.warn(`skipped: ${reason}`)
    return reason
  }
}

/**
 * Puts rooms of it into a folder, where Node runs them from source: they import each other, and the installed packages of others.
 * @throws Error when the commit is not in the history: a shallow clone
 */
export async function unpackReleaseBefore(folder: string, rooms: readonly string[]): Promise<void> {
  const archive = join(folder, 'sources.tar')
  await run('git', ['archive', '--output', archive, releaseBefore, ...rooms], { cwd: root }).catch(
    (cause: unknown) => {
      throw new Error(`Cannot unpack the release before: commit ${releaseBefore} is not there`, { cause })
    },
  )
  await run('tar', ['--extract', '--file', archive, '--directory', folder])
  const packages = join(folder, 'node_modules')
  await mkdir(join(packages, '@agent-mesh'), { recursive: true })
  const others = (await readdir(join(root, 'node_modules'))).filter(
    name => name !== '@agent-mesh' && !name.startsWith('.'),
  )
  await Promise.all([
    ...rooms.map(room => symlink(join(folder, room), join(packages, '@agent-mesh', room))),
    ...others.map(name => symlink(join(root, 'node_modules', name), join(packages, name))),
  ])
}

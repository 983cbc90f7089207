/** Programs of several versions and their releases, as a booted system sees them in /opt/agent-mesh. */
import { cp, mkdir } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { buildProgram, makeRelease } from '../../support/program-releases.ts'

const run = promisify(execFile)
const checkout = join(import.meta.dirname, '..', '..', '..')
/** Where the system has them. */
export const opt = '/opt/agent-mesh'
export const releases = `${opt}/releases`
/** What each version does in place of `up`: the third ends, the fourth runs and is never ready. */
const builds = [
  ['0.1.0', ''],
  ['0.1.1', ''],
  ['0.1.2', "if (process.argv.includes('up')) process.exit(2);"],
  ['0.1.3', "if (process.argv.includes('up')) await new Promise(() => setInterval(() => {}, 1000));"],
  ['0.1.4', ''],
] as const

export interface ReleasedPrograms {
  /** Folder to show as {@link opt}. */
  shown: string
  /** Of version 0.1.0, below {@link opt}. */
  debianPackage: string
}

/** @param folder a temporary one */
export async function releasedPrograms(folder: string): Promise<ReleasedPrograms> {
  const shown = join(folder, 'opt')
  await mkdir(shown)
  await cp(process.execPath, join(shown, 'node'))
  for (const [version, first] of builds) {
    await buildProgram(join(shown, version), { version, node: `${opt}/node`, first })
    await makeRelease(join(shown, 'releases', version), join(shown, version), version)
  }
  await cp(join(shown, 'releases/0.1.1'), join(shown, 'releases/latest'), { recursive: true })
  const work = join(folder, 'work')
  const made = [join(checkout, 'cli/build/release/program-package.ts'), join(shown, '0.1.0')]
  const { stdout } = await run(process.execPath, [...made, '0.1.0', work, shown])
  await run('chmod', ['-R', 'a+rX', folder])
  return { shown, debianPackage: stdout.trim() }
}

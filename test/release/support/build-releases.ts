import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'

const run = promisify(execFile)
const checkout = join(import.meta.dirname, '..', '..', '..')

declare module 'vitest' {
  export interface ProvidedContext {
    /** Has a folder for each release, named by its version. */
    releases: string
  }
}

/** Two versions: one is installed first, the other is the upgrade. */
export const versions = ['0.1.0', '0.1.1'] as const

/** The first one has the files of all platforms, the other that of this one. */
const few = process.platform === 'linux' && process.arch === 'x64' ? ['--platforms', 'linux-x64'] : []

/** Builds them once for all specs. */
export default async function buildReleases(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'releases-'))
  for (const version of versions) {
    const named = version === versions[0] ? [] : few
    const args = ['--version', version, '--out', join(folder, version), ...named]
    await run('npm', ['run', 'release', '--', ...args], { cwd: checkout })
  }
  project.provide('releases', folder)
  return () => rm(folder, { recursive: true, force: true })
}

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

/** Builds them once for all specs. */
export default async function buildReleases(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'releases-'))
  for (const version of versions)
    await run('npm', ['run', 'release', '--', '--version', version, '--out', join(folder, version)], {
      cwd: checkout,
    })
  project.provide('releases', folder)
  return () => rm(folder, { recursive: true, force: true })
}

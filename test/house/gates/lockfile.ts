/** The lock files: each package has a hash, and none comes from another place than the registry. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { checkout, faultless, program, type Gate } from './gate.ts'

export interface LockedPackage {
  /** File, and path within its tree. */
  readonly lock: string
  readonly path: string
  readonly licence: string | undefined
  readonly integrity: string | undefined
  /** Absent: from the registry that npm is set to. */
  readonly resolved: string | undefined
}

interface Entry {
  link?: boolean
  license?: string
  integrity?: string
  resolved?: string
  inBundle?: boolean
}

/** Of all lock files of the repository, without workspaces. */
export async function lockedPackages(): Promise<LockedPackage[]> {
  const { stdout } = await program(['git', 'ls-files', '*package-lock.json'])
  const locks = stdout.trim().split('\n')
  return (await Promise.all(locks.map(packagesOf))).flat()
}

async function packagesOf(lock: string): Promise<LockedPackage[]> {
  const { packages } = JSON.parse(await readFile(join(checkout, lock), 'utf8')) as {
    packages: Record<string, Entry>
  }
  return Object.entries(packages)
    .filter(([path, { link = false }]) => path.includes('node_modules/') && !link)
    .map(([path, { license, integrity, resolved, inBundle = false }]) => ({
      ...{ lock, path, licence: license, resolved },
      // It comes inside the tarball of the package around it, whose hash covers it.
      integrity: inBundle ? 'of its bundle' : integrity,
    }))
}

/** @returns a line for each package without a hash, or from another host or by another way than the registry */
export function lockFaults(packages: readonly LockedPackage[]): string[] {
  return packages.flatMap(({ lock, path, integrity, resolved }) => [
    ...(integrity === undefined
      ? [`${lock}: ${path} has no integrity: run npm install and commit the lock`]
      : []),
    ...(resolved !== undefined && !/^https:\/\/registry\.npmjs\.org\//.test(resolved)
      ? [`${lock}: ${path} comes from ${resolved}: take it from the registry`]
      : []),
  ])
}

export const lockfile: Gate = {
  name: 'lockfile',
  fast: true,
  run: async () => {
    const packages = await lockedPackages()
    return faultless(lockFaults(packages), `${packages.length} packages`)
  },
}

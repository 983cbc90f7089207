/** What `programs/package.json` names: Node's program for each platform, and the native part of WebRTC. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Platform } from './platforms.ts'
import { installLocked } from './tools.ts'

const folder = join(import.meta.dirname, 'programs')

/** Below it are the packages. */
export const programsFolder = join(folder, 'node_modules')

/** Installs them: 1 GB. npm refuses packages of other platforms unless it is forced. */
export const installPrograms = (): Promise<void> =>
  installLocked(folder, ['--force', '--no-bin-links', '--ignore-scripts'])

/** The Node in the single file of a platform, such as `24.21.0`. */
export async function nodeVersion({ node }: Platform): Promise<string> {
  const text = await readFile(join(programsFolder, node, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** The packages in the single files, as folders. */
export const programParts = (platforms: readonly Platform[]): string[] =>
  platforms.flatMap(({ node, native }) => [node, native]).map(name => join(programsFolder, name))

/** The versions of Node in the single files, each once. */
export const nodeVersions = async (platforms: readonly Platform[]): Promise<string[]> => [
  ...new Set(await Promise.all(platforms.map(nodeVersion))),
]

/** `Node in the single files: 24.21.0 (linux-x64, win-x64), 22.23.2 (darwin-x64).` */
export async function sayNodeVersions(platforms: readonly Platform[]): Promise<string> {
  const named = new Map<string, string[]>()
  for (const platform of platforms) {
    const version = await nodeVersion(platform)
    named.set(version, [...(named.get(version) ?? []), platform.name])
  }
  const each = [...named].map(([version, names]) => `${version} (${names.join(', ')})`)
  return `Node in the single files: ${each.join('; ')}.`
}

import { MeshError } from '@agent-mesh/protocol/errors'
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import { learn } from './learn.ts'

export interface FolderFacts {
  path: string
  exists: boolean
  /** Names of what is in it. */
  files: string[]
  /** Permission bits of the folder itself. */
  mode: number
  /** Key files that others than their owner may use. */
  looseKeys: string[]
  /** It belongs to the user who asks. */
  mine: boolean
  /** Bytes and files that still fit for this user. */
  space: { freeBytes: number; freeFiles: number } | MeshError
}

const isKey = (name: string): boolean => /(?:identity|-key)\.json$/.test(name)
const permissions = 0o777
const others = 0o077

export async function readFolderFacts(path: string): Promise<FolderFacts> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() !== true)
    return { path, exists: false, files: [], mode: 0, looseKeys: [], mine: true, space: notThere(path) }
  const files = await readdir(path).catch(() => [])
  const keys = files.filter(isKey)
  const modes = await Promise.all(
    keys.map(name =>
      stat(join(path, name)).then(
        ({ mode }) => mode,
        () => 0,
      ),
    ),
  )
  return {
    path,
    exists: true,
    files,
    mode: found.mode & permissions,
    looseKeys: process.platform === 'win32' ? [] : keys.filter((_, i) => ((modes[i] ?? 0) & others) !== 0),
    mine: process.getuid === undefined || process.getuid() === 0 || process.getuid() === found.uid,
    space: await learn('read free space', () => spaceOf(path)),
  }
}

const notThere = (path: string) => new MeshError('not_found', `Cannot read ${path}: there is none`)

/** File systems without a number of files say 0 of 0. */
async function spaceOf(path: string): Promise<{ freeBytes: number; freeFiles: number }> {
  const { bavail, bsize, ffree, files } = await statfs(path)
  return { freeBytes: bavail * bsize, freeFiles: files === 0 ? Infinity : ffree }
}

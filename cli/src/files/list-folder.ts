/** The entries of a folder, in parts, as they are read: a huge folder costs no more memory than a small one. */
import { opendir } from 'node:fs/promises'

import { MeshError } from '@agent-mesh/protocol/errors'

import { isExecutable } from './file-mode.ts'
import type { FileEntry } from './file-values.ts'
import type { OpenFolder } from './open-folder.ts'

/** Entries of a part, and characters of their paths. */
const partEntries = 256
const partChars = 64 * 1024
/** Folders within folders: each is open meanwhile. */
const mostDepth = 64

/** @param recursive also what is below its folders; links are not followed */
export async function* listFolder(
  folder: OpenFolder,
  recursive: boolean,
): AsyncGenerator<FileEntry[], { entries: number }> {
  let part: FileEntry[] = []
  let chars = 0
  let entries = 0
  for await (const entry of walk(folder, { prefix: '', depth: 1, recursive })) {
    part.push(entry)
    entries++
    chars += entry.path.length
    if (part.length < partEntries && chars < partChars) continue
    yield part
    part = []
    chars = 0
  }
  if (part.length > 0) yield part
  return { entries }
}

async function* walk(
  folder: OpenFolder,
  { prefix, depth, recursive }: { prefix: string; depth: number; recursive: boolean },
): AsyncGenerator<FileEntry> {
  for await (const { name } of await opendir(folder.path)) {
    const entry = await entryOf(folder, name).catch(() => undefined)
    // It was removed meanwhile.
    if (entry === undefined) continue
    yield { ...entry, path: `${prefix}${name}` }
    if (!recursive || entry.kind !== 'folder') continue
    if (depth === mostDepth)
      throw new MeshError('too_large', `Cannot list: folders are more than ${mostDepth} deep`)
    const below = await folder.below(name)
    try {
      yield* walk(below, { prefix: `${prefix}${name}/`, depth: depth + 1, recursive })
    } finally {
      await below.close()
    }
  }
}

/** @throws what the system says */
export async function entryOf(folder: OpenFolder, name: string): Promise<FileEntry> {
  const stats = await folder.statOf(name)
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other'
  return { path: name, kind, bytes: kind === 'file' ? stats.size : 0, executable: isExecutable(stats.mode) }
}

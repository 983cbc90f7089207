/** The entries of a folder, in parts, as they are read: a huge folder costs no more memory than a small one. */
import { opendir } from 'node:fs/promises'

import { systemCode } from '@agent-mesh/agent/identity/private-file'
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
    const entry = await entryOf(folder, name).catch((error: unknown) => lost(error, name))
    if (entry === undefined) continue
    const path = `${prefix}${name}`
    if (!recursive || entry.kind !== 'folder') {
      yield { ...entry, path }
      continue
    }
    if (depth === mostDepth)
      throw new MeshError('too_large', `Cannot list: folders are more than ${mostDepth} deep`)
    const below = await folder.below(name).catch((error: unknown) => {
      if (isShortage(error)) throw error
      return undefined
    })
    try {
      yield below === undefined ? { ...other, path } : { ...entry, path }
      if (below !== undefined) yield* walk(below, { prefix: `${path}/`, depth: depth + 1, recursive })
    } finally {
      await below?.close()
    }
  }
}

/** What cannot be read is named all the same: a copy of the folder says that it is left out. */
const other = { kind: 'other', bytes: 0, executable: false } as const

/** An entry that cannot be looked at; undefined: it was removed meanwhile. */
function lost(error: unknown, name: string): FileEntry | undefined {
  if (isShortage(error)) throw error
  // A name that is no UTF-8 is read with this mark in it, and leads to nothing.
  return systemCode(error) === 'ENOENT' && !name.includes('\uFFFD') ? undefined : { ...other, path: name }
}

/** Of this process, not of what is listed. */
const isShortage = (error: unknown): boolean => ['EMFILE', 'ENFILE', 'ENOMEM'].includes(systemCode(error))

/** @throws what the system says */
export async function entryOf(folder: OpenFolder, name: string): Promise<FileEntry> {
  const stats = await folder.statOf(name)
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other'
  return { path: name, kind, bytes: kind === 'file' ? stats.size : 0, executable: isExecutable(stats.mode) }
}

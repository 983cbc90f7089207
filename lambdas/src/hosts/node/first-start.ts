/**
 * A start in a data folder without a mesh writes all files, or none. Another start may run in the same folder: neither its files
 * nor a complete mesh are deleted.
 */
import { MeshError } from '@agent-mesh/protocol'
import { mkdir, open, readdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { adminFile } from './first-admin.ts'
import { keyChainFile } from './key-chain-file.ts'
import type { StoreChoice } from './open-store.ts'
import { rootKeyFile } from './mesh-keys.ts'

const keyFiles = [rootKeyFile, 'authority-key.json', keyChainFile, adminFile]

/** @param failure why the start failed */
export type UndoFirstStart = (failure: unknown) => Promise<void>

const undoNothing: UndoFirstStart = async () => {}

/**
 * Makes the folder unless it exists.
 * @returns a function that removes what a failed start has written; it does nothing in the folder of a mesh, nor with a
 * database that other processes share or have made: that may hold the mesh of these keys meanwhile
 * @throws MeshError permission_denied; conflict in a folder that administers a mesh elsewhere
 */
export async function prepareFolder(data: string, choice: StoreChoice): Promise<UndoFirstStart> {
  const before = await filesOf(data)
  refuseForeign(data, before ?? [])
  try {
    await mkdir(data, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new MeshError('permission_denied', `Cannot write to data folder ${data}: ${String(cause)}`, {
      cause,
    })
  }
  if (holdsMesh(before ?? []) || choice.kind !== 'sqlite' || !(await claim(choice.file))) return undoNothing
  const own = resolve(choice.file).startsWith(join(resolve(data), '/')) ? databaseFiles(choice.file) : []
  const written = [...keyFiles.map(name => join(data, name)), ...own]
  const old = new Set(before?.map(name => resolve(data, name)))
  return async failure => {
    const isMade = (await filesOf(data))?.includes(keyChainFile) === true
    if (isMade || isOfAnotherStart(failure)) return
    for (const path of written) if (!old.has(resolve(path))) await rm(path, { force: true })
    if (before === undefined) await rmdir(data).catch(() => undefined)
  }
}

/** Makes the empty database file: one of several starts succeeds. A failure is reported later, when the file is opened. */
async function claim(file: string): Promise<boolean> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await (await open(file, 'wx', 0o600)).close()
    return true
  } catch {
    return false
  }
}

/** It found a key file, or a mesh in the database, that did not exist a moment before. */
const isOfAnotherStart = (failure: unknown): boolean =>
  failure instanceof MeshError &&
  (failure.code === 'conflict' || (failure.cause as NodeJS.ErrnoException | undefined)?.code === 'EEXIST')

const holdsMesh = (files: readonly string[]): boolean =>
  files.includes(rootKeyFile) || files.includes(keyChainFile)

const databaseFiles = (file: string): string[] => ['', '-wal', '-shm'].map(suffix => `${file}${suffix}`)

/** Undefined without a folder. */
async function filesOf(data: string): Promise<string[] | undefined> {
  return readdir(data).catch(() => undefined)
}

/** The key of an admin without those of a mesh was copied from another machine: no new mesh is made for it. */
function refuseForeign(data: string, files: readonly string[]): void {
  if (holdsMesh(files) || !files.includes(adminFile)) return
  throw new MeshError(
    'conflict',
    `Cannot start control plane: ${data} administers a mesh that runs elsewhere`,
    {
      hint: 'Begin a mesh in another context (--context NAME or --data DIR). If this folder has lost its keys, restore a backup (agent-mesh admin restore FILE).',
    },
  )
}

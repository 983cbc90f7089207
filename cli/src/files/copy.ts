/** What "cp" does: files and folders from members to this machine, or the other way round. */
import type { Stats } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, posix } from 'node:path'

import { makeFolders } from '@agent-mesh/agent/identity/make-folders'
import { fileFailure, readFailure, systemCode } from '@agent-mesh/agent/identity/private-file'
import { isPartName } from '@agent-mesh/agent/rpc/transfers/part-file'
import { MeshError, type ErrorCode } from '@agent-mesh/protocol/errors'

import type { CopyPlace, LocalPlace, RemotePlace } from './copy-place.ts'
import { eachOf } from './each-of.ts'
import { isExecutable, setMode } from './file-mode.ts'
import type { FileEntry } from './file-values.ts'
import { RemoteFiles } from './remote-files.ts'

/** Files on their way at a time: small ones wait for round trips, not for each other. */
const filesAtOnce = 4

export interface Copied {
  files: number
  folders: number
  bytes: number
  /** Links, devices and the like, and parts of files that are not complete. */
  leftOut: string[]
  /** Files and folders within a folder that the owner of a side does not allow, or with whose name something else is there. */
  failed: { path: string; code: ErrorCode; message: string }[]
}

const ofOneEntry: readonly ErrorCode[] = ['conflict', 'permission_denied']

interface CopyInit {
  /** Data folder of the agent. */
  readonly folder: string
  readonly recursive: boolean
  readonly signal: AbortSignal
  /** Called with what was copied so far. */
  readonly onProgress: (copied: Copied) => void
}

/** @throws MeshError not_found, permission_denied, invalid_argument, conflict, unavailable */
export async function copyAll(from: readonly CopyPlace[], to: CopyPlace, init: CopyInit): Promise<Copied> {
  mustDiffer(from)
  const copy = new Copy(init)
  for (const place of from) {
    if (place.peer !== undefined && to.peer === undefined) await copy.download(place, to, from.length > 1)
    else if (place.peer === undefined && to.peer !== undefined) await copy.upload(place, to, from.length > 1)
    else
      throw new MeshError('invalid_argument', 'Cannot copy: one side is a member, the other this machine', {
        hint: 'Write it so: agent-mesh cp web-1:/var/log/syslog . or agent-mesh cp ./site web-1:/srv/',
      })
  }
  return copy.copied
}

/** Each goes into one folder under its last name. @throws MeshError conflict */
function mustDiffer(from: readonly CopyPlace[]): void {
  const named = new Map<string, CopyPlace>()
  for (const place of from) {
    const name = basename(place.path)
    const before = named.get(name)
    if (before !== undefined)
      throw new MeshError(
        'conflict',
        `Cannot copy: ${told(before)} and ${told(place)} would both become ${name}`,
        {
          hint: 'Copy them to different folders, one command for each.',
        },
      )
    named.set(name, place)
  }
}

const told = ({ peer, path }: CopyPlace): string => (peer === undefined ? path : `${peer}:${path}`)

class Copy {
  readonly copied: Copied = { files: 0, folders: 0, bytes: 0, leftOut: [], failed: [] }
  readonly #init: CopyInit

  constructor(init: CopyInit) {
    this.#init = init
  }

  async download(from: RemotePlace, to: LocalPlace, intoFolder: boolean): Promise<void> {
    const remote = new RemoteFiles(this.#init.folder, this.#init.signal)
    const { kind, executable } = await remote.stat(from)
    const target = await this.#localTarget(to, basename(from.path), intoFolder)
    if (kind === 'file') return this.#fetch(remote, from, { path: target, executable })
    this.#mustBeFolder(kind, told(from))
    await makeFolder(target)
    this.#add({ folders: 1 })
    await eachOf(remote.list(from), filesAtOnce, this.#init.signal, async (entry, signal) => {
      const at = join(target, ...entry.path.split('/'))
      if (entry.kind === 'other' || isPart(entry)) return void this.copied.leftOut.push(entry.path)
      await this.#among(entry.path, async () => {
        await makeFolder(entry.kind === 'folder' ? at : dirname(at))
        if (entry.kind === 'folder') return this.#add({ folders: 1 })
        const place = { peer: from.peer, path: `${from.path.replace(/\/+$/, '')}/${entry.path}` }
        const file = { path: at, executable: entry.executable }
        await this.#fetch(new RemoteFiles(this.#init.folder, signal), place, file)
      })
    })
  }

  async upload(from: LocalPlace, to: RemotePlace, intoFolder: boolean): Promise<void> {
    const remote = new RemoteFiles(this.#init.folder, this.#init.signal)
    const stats = await lookAt(from.path)
    const target = await this.#remoteTarget(remote, to, basename(from.path), intoFolder)
    if (stats.isFile()) return this.#put(remote, { ...from, stats }, target)
    this.#mustBeFolder(stats.isDirectory() ? 'folder' : 'other', from.path)
    await remote.mkdir(target)
    this.#add({ folders: 1 })
    await eachOf(
      this.#walk(remote, from.path, target),
      filesAtOnce,
      this.#init.signal,
      async (file, signal) => {
        const own = new RemoteFiles(this.#init.folder, signal)
        await this.#among(file.path, () => this.#put(own, file, file.to))
      },
    )
  }

  /** Copies one of many: what fails for it alone is noted, and the others are copied. @returns whether it was copied */
  async #among(path: string, copy: () => Promise<void>): Promise<boolean> {
    try {
      await copy()
      return true
    } catch (error) {
      if (!(error instanceof MeshError) || !ofOneEntry.includes(error.code)) throw error
      this.copied.failed.push({ path, code: error.code, message: error.message })
      return false
    }
  }

  async #fetch(
    remote: RemoteFiles,
    from: RemotePlace,
    to: { path: string; executable: boolean },
  ): Promise<void> {
    const there = await lstat(to.path).catch(() => undefined)
    await remote.fetch(from, to.path, bytes => this.#add({ bytes }))
    await setMode(to.path, to.executable, there?.isFile() === true ? there.mode : undefined)
    this.#add({ files: 1 })
  }

  async #put(remote: RemoteFiles, from: { path: string; stats: Stats }, to: RemotePlace): Promise<void> {
    const file = { path: from.path, executable: isExecutable(from.stats.mode) }
    await remote.put(to, file, bytes => this.#add({ bytes }))
    this.#add({ files: 1 })
  }

  /** The files below a folder that is there on both sides, each after the folder that it comes into. */
  async *#walk(
    remote: RemoteFiles,
    path: string,
    to: RemotePlace,
  ): AsyncGenerator<{ path: string; stats: Stats; to: RemotePlace }, void> {
    const names = await readdir(path).catch(() => undefined)
    if (names === undefined) this.copied.leftOut.push(path)
    for (const name of names ?? []) {
      const at = join(path, name)
      const below = { peer: to.peer, path: `${to.path}/${name}` }
      // A name that is no UTF-8 leads to nothing.
      const stats = await lstat(at).catch(() => undefined)
      if (stats?.isDirectory() === true) {
        const made = await this.#among(at, async () => {
          await remote.mkdir(below)
          this.#add({ folders: 1 })
        })
        if (made) yield* this.#walk(remote, at, below)
      } else if (stats?.isFile() === true && !isPartName(name)) yield { path: at, stats, to: below }
      else this.copied.leftOut.push(at)
    }
  }

  async #localTarget({ path }: LocalPlace, name: string, intoFolder: boolean): Promise<string> {
    const there = await stat(path).catch(() => undefined)
    if (there?.isDirectory() === true) return join(path, name)
    if (intoFolder || path.endsWith('/')) throw noFolder(path)
    const above = await stat(dirname(path)).catch(() => undefined)
    if (above?.isDirectory() !== true) throw noFolder(dirname(path))
    return path
  }

  async #remoteTarget(
    remote: RemoteFiles,
    { peer, path }: RemotePlace,
    name: string,
    intoFolder: boolean,
  ): Promise<RemotePlace> {
    const there = await remote.stat({ peer, path }).catch((error: unknown) => {
      // A member that is not known is not found either.
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    })
    const plain = path.replace(/\/+$/, '')
    if (there?.kind === 'folder') return { peer, path: `${plain}/${name}` }
    if (intoFolder || path.endsWith('/')) throw noFolder(`${peer}:${path}`)
    return { peer, path: plain }
  }

  #mustBeFolder(kind: string, path: string): void {
    if (kind !== 'folder')
      throw new MeshError(
        'invalid_argument',
        `Cannot copy ${path}: it is no file, and links are not followed`,
      )
    if (!this.#init.recursive)
      throw new MeshError('invalid_argument', `Cannot copy ${path}: it is a folder`, {
        hint: 'Copy folders with -r.',
      })
  }

  #add(more: Partial<Record<'files' | 'folders' | 'bytes', number>>): void {
    const { files = 0, folders = 0, bytes = 0 } = more
    this.copied.files += files
    this.copied.folders += folders
    this.copied.bytes += bytes
    this.#init.onProgress(this.copied)
  }
}

/** @throws MeshError permission_denied, unavailable */
const makeFolder = (path: string): Promise<unknown> =>
  makeFolders(path).catch((cause: unknown) => {
    throw fileFailure(`make folder ${path}`, cause)
  })

const isPart = ({ kind, path }: FileEntry) => kind === 'file' && isPartName(posix.basename(path))

/** The owner of this machine may name a link. @throws MeshError not_found, permission_denied */
async function lookAt(path: string): Promise<Stats> {
  try {
    return await stat(path)
  } catch (cause) {
    throw readFailure(`copy ${path}`, cause)
  }
}

const noFolder = (path: string) =>
  new MeshError('not_found', `Cannot copy to ${path}: there is no such folder`)

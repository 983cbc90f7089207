/**
 * What is below an allowed folder, reached from one open folder to the next, as openat(2) does: a link, or a folder that is replaced
 * by one meanwhile, is refused and never followed. Linux has paths of open folders in /proc.
 */
import { constants, type Stats } from 'node:fs'
import { lstat, open, type FileHandle } from 'node:fs/promises'

import { fileFailure, systemCode } from '@agent-mesh/agent/identity/private-file'
import { MeshError, reasonOf } from '@agent-mesh/protocol/errors'

import type { AllowedPath, Secret } from './allowed-folders.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants

export class OpenFolder {
  readonly #handle: FileHandle
  readonly #secrets: readonly Secret[]

  private constructor(handle: FileHandle, secrets: readonly Secret[]) {
    this.#handle = handle
    this.#secrets = secrets
  }

  /** @throws what the system says; MeshError permission_denied for a secret folder */
  static async #at(path: string, flags: number, secrets: readonly Secret[]): Promise<OpenFolder> {
    const handle = await open(path, O_RDONLY | O_DIRECTORY | flags)
    try {
      const { dev, ino } = await handle.stat()
      if (secrets.some(secret => dev === secret.dev && ino === secret.ino))
        throw new MeshError('permission_denied', 'Cannot open a data folder of Agent Mesh: it has keys')
      return new OpenFolder(handle, secrets)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** The folder at the end of `names`. @param root its owner may name a link */
  static async open(root: string, names: readonly string[], secrets: readonly Secret[]): Promise<OpenFolder> {
    let folder = await OpenFolder.#at(root, 0, secrets)
    for (const name of names) {
      const above = folder
      try {
        folder = await above.below(name)
      } finally {
        await above.close()
      }
    }
    return folder
  }

  below(name: string): Promise<OpenFolder> {
    return OpenFolder.#at(this.pathOf(name), O_NOFOLLOW, this.#secrets)
  }

  /** Its path while it is open, wherever it is moved. */
  get path(): string {
    return `/proc/self/fd/${this.#handle.fd}`
  }

  pathOf(name: string): string {
    return `${this.path}/${name}`
  }

  stat(): Promise<Stats> {
    return this.#handle.stat()
  }

  statOf(name: string): Promise<Stats> {
    return lstat(this.pathOf(name))
  }

  /** A regular file, to be read. @throws MeshError invalid_argument for a device, a pipe or another file that is none */
  async openFile(name: string): Promise<FileHandle> {
    // Opening a device may start something.
    if (!(await this.statOf(name)).isFile()) throw noFile()
    // It may be another one by now: a pipe would wait for its writer.
    const handle = await open(this.pathOf(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    if ((await handle.stat()).isFile()) return handle
    await handle.close()
    throw noFile()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

const noFile = () => new MeshError('invalid_argument', 'it is no file, or a link, which is not followed')

/** Runs `use` in the folder at the end of `names`. @throws MeshError that names what was asked for, never the open folders */
export async function inFolder<T>(
  { folder: root, path }: AllowedPath,
  names: readonly string[],
  { secrets, action }: { secrets: readonly Secret[]; action: string },
  use: (folder: OpenFolder) => Promise<T>,
): Promise<T> {
  try {
    const folder = await OpenFolder.open(root, names, secrets)
    try {
      return await use(folder)
    } finally {
      await folder.close()
    }
  } catch (error) {
    throw failure(`${action} ${path}`, error)
  }
}

/** The error of an operation below an allowed folder, for the caller. @param action what cannot be done, with the path */
export function failure(action: string, cause: unknown): MeshError {
  if (cause instanceof MeshError) {
    const { code, hint, details } = cause
    return new MeshError(code, `Cannot ${action}: ${reasonOf(cause)}`, {
      cause,
      ...(hint !== undefined && { hint }),
      ...(details !== undefined && { details }),
    })
  }
  const system = systemCode(cause)
  const known = reasons[system]
  return known === undefined
    ? fileFailure(action, cause)
    : new MeshError(known[0], `Cannot ${action}: ${known[1]}`, { cause, details: { system } })
}

const link = ['permission_denied', 'it is no folder, or a link is on the way, which is not followed'] as const
const reasons: Readonly<Record<string, readonly [MeshError['code'], string]>> = {
  ENOENT: ['not_found', 'there is no such file'],
  ELOOP: link,
  ENOTDIR: link,
  ENAMETOOLONG: ['invalid_argument', 'a name is too long'],
  EISDIR: ['conflict', 'it is a folder'],
}

/** The folders of this machine that its owner lets members use. */
import { realpath, stat } from 'node:fs/promises'
import { sep } from 'node:path'

import { MeshError } from '@agent-mesh/protocol/errors'

import { partsOf } from './file-path.ts'

export interface AllowedFolder {
  readonly path: string
  readonly readOnly: boolean
}

/** A path below an allowed folder. */
export interface AllowedPath {
  readonly folder: string
  /** From the folder down; empty: the folder itself. */
  readonly names: readonly string[]
  /** As it was asked for. */
  readonly path: string
}

/** A folder that no member may reach, whatever is allowed: it has keys of this agent, or of others of its user. */
export interface Secret {
  readonly dev: number
  readonly ino: number
}

export class AllowedFolders {
  readonly #folders: readonly (AllowedFolder & { names: readonly string[] })[]
  readonly #secret: readonly string[]

  private constructor(folders: readonly AllowedFolder[], secret: readonly string[]) {
    // The longest first: it is the one that is meant.
    this.#folders = folders
      .map(folder => ({ ...folder, names: partsOf(folder.path) ?? [] }))
      .sort((a, b) => b.names.length - a.names.length)
    this.#secret = secret
  }

  /**
   * @param secret folders with keys: that of the agent, and that of all contexts, which need not be there yet
   * @throws MeshError unsupported where folders cannot be kept to; invalid_argument for a folder within one of `secret`
   */
  static async open(folders: readonly AllowedFolder[], secret: readonly string[]): Promise<AllowedFolders> {
    if (folders.length > 0 && process.platform !== 'linux')
      throw new MeshError(
        'unsupported',
        `Cannot allow files: ${process.platform} has no paths of open folders`,
        {
          hint: 'Members use files of machines with Linux; those of other systems can use theirs.',
        },
      )
    const kept = await Promise.all(secret.map(realPath))
    for (const { path } of folders) {
      const real = await realPath(path)
      if (kept.some(folder => `${real}${sep}`.startsWith(`${folder}${sep}`)))
        throw new MeshError(
          'invalid_argument',
          `Cannot allow files below ${path}: it has keys of this agent, or of others of its user`,
        )
    }
    return new AllowedFolders(folders, kept)
  }

  /** The folders of keys that are there now. */
  async secrets(): Promise<Secret[]> {
    const looks = this.#secret.map(path => stat(path).catch(() => undefined))
    return (await Promise.all(looks)).filter(stats => stats !== undefined)
  }

  /** @throws MeshError permission_denied */
  find(path: string, act: 'read' | 'write'): AllowedPath {
    const parts = partsOf(path) ?? []
    const folder = this.#folders.find(({ names }) => names.every((name, at) => parts[at] === name))
    if (folder === undefined || (act === 'write' && folder.readOnly))
      throw new MeshError(
        'permission_denied',
        `Cannot ${act} ${path}: the owner of that machine does not allow it`,
        { hint: `Allowed: ${this.#told()}. The owner allows more with "agent-mesh up --allow-files DIR".` },
      )
    return { folder: folder.path, names: parts.slice(folder.names.length), path }
  }

  #told(): string {
    const told = this.#folders.map(({ path, readOnly }) => `${path}${readOnly ? ' (to read)' : ''}`)
    return told.slice(0, 8).join(', ') || 'no folder'
  }
}

const realPath = (path: string): Promise<string> => realpath(path).catch(() => path)

/** The service `files` of a machine whose owner allows folders. */
import { mkdir } from 'node:fs/promises'

import { implementService, type Agent, type CallContext, type ServiceDefinition } from '@agent-mesh/agent'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import type { AllowedFolders, AllowedPath } from './allowed-folders.ts'
import { filesContract } from './files-contract.ts'
import type { FileEntry } from './file-values.ts'
import { HeldFile } from './held-file.ts'
import { entryOf, listFolder } from './list-folder.ts'
import { MemberShares } from './member-shares.ts'
import { failure, inFolder, OpenFolder } from './open-folder.ts'
import type { RecentLog } from './recent-log.ts'
import { saveUpload, type Upload } from './save-upload.ts'
import { tailFile, type TailRequest } from './tail-file.ts'
import { UploadTurns } from './upload-turns.ts'

/** Calls of each method at a time: each holds files open. Further ones are `overloaded`. */
const concurrency = 16
/** Files that are offered to one member: each is held open. Some commands at once, each with four. */
const mostOffers = 128
/** Logs that one member follows, of the {@link concurrency} that all follow: a window for each of some files. */
const mostReaders = 4
/** An offer without a reader holds a file open, ms. */
const idleMs = 60_000

interface ServedFilesInit {
  readonly agent: Pick<Agent, 'receive' | 'recordUse'>
  readonly allowed: AllowedFolders
  /** The log of this agent, where its owner allows it. */
  readonly log: RecentLog | undefined
}

type Context = Pick<CallContext, 'caller' | 'app' | 'signal' | 'send'>

export class ServedFiles {
  readonly #init: ServedFilesInit
  /** Of files that are being saved, by folder and name. */
  readonly #turns = new UploadTurns()
  readonly #offers = new MemberShares(mostOffers, tooManyOffers)
  readonly #readers = new MemberShares(mostReaders, tooManyReaders)

  constructor(init: ServedFilesInit) {
    this.#init = init
  }

  definition(): ServiceDefinition {
    const served = implementService(
      filesContract,
      {
        stat: ({ path }, context) => this.#recorded('stat', path, context, () => this.#stat(path)),
        list: (asked, context) => this.#list(asked, context),
        get: ({ path }, context) => this.#recorded('get', path, context, () => this.#get(path, context)),
        put: ({ path, ...upload }, context) =>
          this.#recorded('put', path, context, () => this.#put(path, upload, context)),
        tail: (asked, context) => this.#tail(asked, context),
        mkdir: ({ path }, context) =>
          this.#recorded(
            'mkdir',
            path,
            context,
            () => this.#mkdir(path),
            ({ made }) => made,
          ),
      },
      { concurrency },
    )
    return served as unknown as ServiceDefinition
  }

  #stat(path: string): Promise<FileEntry> {
    const at = this.#init.allowed.find(path, 'read')
    const name = at.names.at(-1)
    if (name === undefined)
      return this.#in(at, [], 'read', () =>
        Promise.resolve({ path: '', kind: 'folder', bytes: 0, executable: true }),
      )
    return this.#in(at, at.names.slice(0, -1), 'read', folder => entryOf(folder, name))
  }

  async *#list(
    { path, recursive }: { path: string; recursive: boolean },
    context: Context,
  ): AsyncGenerator<FileEntry[], { entries: number }> {
    const folder = await this.#recorded('list', path, context, async () => {
      const at = this.#init.allowed.find(path, 'read')
      return this.#open(at.folder, at.names).catch((error: unknown) => {
        throw failure(`list ${path}`, error)
      })
    })
    try {
      return yield* listFolder(folder, recursive)
    } catch (error) {
      throw failure(`list ${path}`, error)
    } finally {
      await folder.close()
    }
  }

  async *#tail(
    asked: TailRequest & { path?: string | undefined },
    context: Context,
  ): AsyncGenerator<Buffer<ArrayBuffer>, Record<string, never>> {
    const end = this.#readers.begin(context.caller.sub)
    try {
      return yield* this.#lastLines(asked, context)
    } finally {
      end()
    }
  }

  async *#lastLines(
    { path, ...asked }: TailRequest & { path?: string | undefined },
    context: Context,
  ): AsyncGenerator<Buffer<ArrayBuffer>, Record<string, never>> {
    if (path === undefined) {
      const log = await this.#recorded('tail', 'log of the agent', context, () => this.#ownLog())
      for await (const line of log.read(asked, context.signal)) yield Buffer.from(line)
      return {}
    }
    const at = await this.#recorded('tail', path, context, () => this.#init.allowed.find(path, 'read'))
    const name = at.names.at(-1)
    if (name === undefined) throw new MeshError('invalid_argument', `Cannot read ${path}: it is a folder`)
    try {
      const folder = await this.#open(at.folder, at.names.slice(0, -1))
      try {
        yield* tailFile(folder, name, asked, context.signal)
      } finally {
        await folder.close()
      }
    } catch (error) {
      throw context.signal.aborted ? error : failure(`read ${path}`, error)
    }
    return {}
  }

  /** @throws MeshError permission_denied */
  #ownLog(): RecentLog {
    if (this.#init.log !== undefined) return this.#init.log
    throw new MeshError(
      'permission_denied',
      'Cannot read the log: the owner of that machine does not allow it',
      {
        hint: 'The owner allows it with "agent-mesh up --allow-logs".',
      },
    )
  }

  #get(path: string, context: Context) {
    const at = this.#init.allowed.find(path, 'read')
    return this.#inParent(at, 'read', async (folder, name) => {
      const end = this.#offers.begin(context.caller.sub)
      try {
        const held = await HeldFile.of(await folder.openFile(name), name, end)
        return await context.send(held, { idleMs })
      } catch (error) {
        end()
        throw error
      }
    })
  }

  async #put(path: string, upload: Upload, context: Context): Promise<{ bytes: number }> {
    const { sub } = context.caller
    if (upload.offer.from !== sub)
      throw new MeshError('invalid_argument', `Cannot write ${path}: another member offers the file`)
    const at = this.#init.allowed.find(path, 'write')
    return this.#inParent(at, 'write', async (folder, name) => {
      const { dev, ino } = await folder.stat()
      const bytes = await this.#turns.take(`${dev} ${ino} ${name}`, sub, stop => {
        const signal = AbortSignal.any([context.signal, stop])
        return saveUpload({ agent: this.#init.agent, folder, name, signal }, upload)
      })
      return { bytes }
    })
  }

  #mkdir(path: string): Promise<{ made: boolean }> {
    const at = this.#init.allowed.find(path, 'write')
    if (at.names.length === 0) return Promise.resolve({ made: false })
    return this.#inParent(at, 'write', async (folder, name) => {
      const there = await folder.statOf(name).catch(() => undefined)
      if (there?.isDirectory() === true) return { made: false }
      if (there !== undefined) throw new MeshError('conflict', 'something else has this name')
      await mkdir(folder.pathOf(name))
      return { made: true }
    })
  }

  #inParent<T>(
    at: AllowedPath,
    action: string,
    use: (folder: OpenFolder, name: string) => Promise<T>,
  ): Promise<T> {
    const name = at.names.at(-1)
    if (name === undefined)
      throw new MeshError('invalid_argument', `Cannot ${action} ${at.path}: it is a folder`)
    return this.#in(at, at.names.slice(0, -1), action, folder => use(folder, name))
  }

  async #in<T>(
    at: AllowedPath,
    names: readonly string[],
    action: string,
    use: (folder: OpenFolder) => Promise<T>,
  ): Promise<T> {
    return inFolder(at, names, { secrets: await this.#init.allowed.secrets(), action }, use)
  }

  async #open(root: string, names: readonly string[]): Promise<OpenFolder> {
    return OpenFolder.open(root, names, await this.#init.allowed.secrets())
  }

  /**
   * Into the audit log of this machine: the member, what it did, and why it was refused. What changes nothing is counted: a member that
   * does it in a loop would rotate its deeds out of the log.
   * @param changes whether it did change something
   */
  async #recorded<T>(
    act: keyof typeof filesContract.methods,
    path: string,
    { caller, app }: Context,
    run: () => Promise<T> | T,
    changes: (result: T) => boolean = () => filesContract.methods[act].effects !== 'read',
  ): Promise<T> {
    const record = (often: boolean, more: { refused?: string } = {}) =>
      this.#init.agent.recordUse({
        what: 'files',
        from: caller,
        app,
        detail: { act, path, ...more },
        often,
      })
    try {
      const result = await run()
      record(!changes(result))
      return result
    } catch (error) {
      record(true, { refused: toMeshError(error, 'internal', act).code })
      throw error
    }
  }
}

const tooManyOffers = (open: number) =>
  new MeshError('overloaded', `${open} files are offered to this member and not received yet`, {
    hint: 'Receive them, or wait for a minute: an offer that nothing receives ends.',
  })

const tooManyReaders = (open: number) =>
  new MeshError('overloaded', `Cannot read a log: this member reads ${open} files and logs here`, {
    hint: 'End one of these commands, "agent-mesh logs --follow" say.',
  })

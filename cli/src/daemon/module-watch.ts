/** Reloads served modules when they, or local files that they import, change on the disk: for development. */
import type { Logger } from '@agent-mesh/agent/observe/logger'
import { toMeshError } from '@agent-mesh/protocol/errors'
import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'

import type { ServedModules } from './served-modules.ts'
import { loadInGenerations } from './module-generations.ts'

/** ms after a change until the reload: an editor writes a file in several steps. */
const restMs = 100

/** What reloads the modules, and where that is logged. */
export interface Reloading {
  readonly served: Pick<ServedModules, 'reload'>
  readonly log: Pick<Logger, 'info' | 'warn'>
}

export class ModuleWatch {
  readonly #files: readonly string[]
  readonly #paths = new Set<string>()
  /** One for each folder: editors replace files, and a replaced file is watched no more. */
  readonly #folders = new Map<string, FSWatcher>()
  #timer: NodeJS.Timeout | undefined
  #last: Promise<void> = Promise.resolve()
  #reloading: Reloading | undefined

  /** Before the first load, of which it sees what the modules import. @param files as the command line names them */
  constructor(files: readonly string[]) {
    this.#files = files
    loadInGenerations(path => this.#add(path))
    for (const file of files) this.#add(resolve(file))
  }

  start(reloading: Reloading): void {
    this.#reloading = reloading
    for (const path of this.#paths) this.#watch(dirname(path), reloading)
  }

  /** Idempotent; resolves when no reload runs. */
  async stop(): Promise<void> {
    this.#reloading = undefined
    clearTimeout(this.#timer)
    for (const watcher of this.#folders.values()) watcher.close()
    await this.#last
  }

  #add(path: string): void {
    this.#paths.add(path)
    if (this.#reloading !== undefined) this.#watch(dirname(path), this.#reloading)
  }

  #watch(folder: string, { log }: Reloading): void {
    if (this.#folders.has(folder)) return
    const watcher = watch(folder, (_, name) => {
      // Some systems do not say which file has changed.
      if (name === null || this.#paths.has(resolve(folder, basename(name)))) this.#soon()
    })
    watcher.on('error', err =>
      log.warn({ event: 'watch-folder-lost', err, folder }, 'changes in this folder are not seen any more'),
    )
    this.#folders.set(folder, watcher)
  }

  #soon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => (this.#last = this.#last.then(() => this.#reload())), restMs)
  }

  async #reload(): Promise<void> {
    if (this.#reloading === undefined) return
    const { served, log } = this.#reloading
    const files = this.#files
    try {
      await served.reload(files)
      log.info(
        { event: 'modules-reloaded', files },
        'reloaded what changed; calls in flight finish on the module of before',
      )
    } catch (error) {
      const { message, hint } = toMeshError(error, 'internal', 'reload the served modules')
      log.warn(
        { reason: message, ...(hint !== undefined && { hint }), event: 'modules-not-reloaded' },
        'not reloaded: the modules of before serve on',
      )
    }
  }
}

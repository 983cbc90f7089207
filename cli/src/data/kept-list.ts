/** What an agent does for its owner until that is withdrawn: kept in a file of its data folder, and begun again at each start. */
import { isDeepStrictEqual } from 'node:util'
import { readFile } from 'node:fs/promises'

import { fileFailure, replaceFile } from '@agent-mesh/agent/identity/private-file'

export interface KeptListInit<Entry> {
  file: string
  /** Names an entry: two of one key are one. */
  keyOf: (entry: Entry) => string
  /** @throws MeshError for a text that is none of ours */
  parse: (text: string, action: string) => readonly Entry[]
  /** The JSON that `parse` reads. */
  toJson: (entries: readonly Entry[]) => object
  /** @returns ends it @throws MeshError */
  begin: (entry: Entry) => () => void
  /** Called at a start for an entry that does not begin: it stays in the list. @default it is thrown */
  onNotBegun?: (entry: Entry, error: unknown) => void
}

export class KeptList<Entry> {
  readonly #init: KeptListInit<Entry>
  readonly #open = new Map<string, { entry: Entry; end: () => void }>()
  /** Changes wait for each other: each writes all. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(init: KeptListInit<Entry>) {
    this.#init = init
  }

  /** Begins what the file has. @throws MeshError for a file that cannot be read, or is none of ours */
  async restore(): Promise<void> {
    const { file, parse } = this.#init
    const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw fileFailure(`read ${file}`, cause)
    })
    if (text === undefined) return
    for (const entry of parse(text, `read ${file}`)) this.#beginAgain(entry)
  }

  /** Sorted by key. */
  list(): Entry[] {
    return [...this.#open].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { entry }]) => entry)
  }

  /**
   * In place of the entry of its key. @param check throws for an entry that may not be added
   * @throws MeshError what `check` and `begin` throw; unavailable for a full disk; then all stays as it was
   */
  put(entry: Entry, check: (before: Entry | undefined, others: number) => void): Promise<void> {
    return this.#inTurn(async () => {
      const key = this.#init.keyOf(entry)
      const before = this.#open.get(key)
      if (isDeepStrictEqual(before?.entry, entry)) return
      check(before?.entry, this.#open.size - (before === undefined ? 0 : 1))
      this.#end(key)
      try {
        this.#begin(entry)
        await this.#write()
      } catch (error) {
        this.#end(key)
        if (before !== undefined) this.#begin(before.entry)
        throw error
      }
    })
  }

  /** @returns whether there was one @throws MeshError unavailable for a full disk; then it stays */
  remove(key: string): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.#open.has(key)) return false
      await this.#write(key)
      this.#end(key)
      return true
    })
  }

  #begin(entry: Entry): void {
    const end = this.#init.begin(entry)
    this.#open.set(this.#init.keyOf(entry), { entry, end })
  }

  #beginAgain(entry: Entry): void {
    const { keyOf, onNotBegun } = this.#init
    try {
      this.#begin(entry)
    } catch (error) {
      if (onNotBegun === undefined) throw error
      this.#open.set(keyOf(entry), { entry, end: () => undefined })
      onNotBegun(entry, error)
    }
  }

  #end(key: string): void {
    this.#open.get(key)?.end()
    this.#open.delete(key)
  }

  async #write(without?: string): Promise<void> {
    const { file, keyOf, toJson } = this.#init
    const entries = this.list().filter(entry => keyOf(entry) !== without)
    await replaceFile(file, `${JSON.stringify(toJson(entries), null, 2)}\n`).catch((cause: unknown) => {
      throw fileFailure(`write ${file}`, cause)
    })
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change)
    this.#last = done.catch(() => undefined)
    return done
  }
}

import type { Providers } from '../balance/directory.ts'
import type { TriedPeers } from '../balance/choose.ts'

const nobody: ReadonlySet<string> = new Set()
const unknown: Providers = { good: [], doubtful: [], offline: [] }

/** Asks the directory. @param now monotonic ms */
export type FindProviders = (now: number) => Providers | Promise<Providers>

/** How far a call has come; tries of it that run at the same time share it. */
export class Course implements TriedPeers {
  readonly #find: FindProviders
  /** As the directory said last. */
  known = unknown
  last: string | undefined = undefined
  attempts = 0
  /** Looks for a provider that found none. */
  waits = 0
  /** Looks for one with room that found none. */
  placeWaits = 0
  /** Monotonic ms after which no try begins; undefined until one has failed. */
  until: number | undefined = undefined
  /** The next answer returns the last try to the retry budget: it replaced a broken path. */
  owed = false
  /** Those asked before {@link last}: most calls are answered by the first, and need no set. */
  #before: Set<string> | undefined = undefined

  constructor(find: FindProviders) {
    this.#find = find
  }

  /** At once where the map knows them, as it does for nearly every call. */
  providers(now: number): Providers | Promise<Providers> {
    const found = this.#find(now)
    if (!(found instanceof Promise)) return (this.known = found)
    return found.then(providers => (this.known = providers))
  }

  get tried(): ReadonlySet<string> {
    if (this.last === undefined) return nobody
    return (this.#before ??= new Set()).add(this.last)
  }

  /** A try at this member begins. */
  begin(peerId: string): void {
    this.attempts++
    if (this.last !== undefined) (this.#before ??= new Set()).add(this.last)
    this.last = peerId
  }
}

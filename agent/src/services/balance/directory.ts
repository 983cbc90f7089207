/**
 * Finds providers: by service, by name, by peer id. Today the map of this member answers at once; a mesh too large for that asks a
 * relay, so every answer may be a promise, and every caller takes both.
 */

/** Peer ids by what is believed of them. For reading only: the lists are shared. */
export interface Providers {
  /** Believed to answer: asked first. Those of the own zone first, then those of the own region: see {@link Providers.near}. */
  readonly good: readonly string[]
  /** Said to be online, but silent or not reached a moment ago; without a link, where no relay reports presence. */
  readonly doubtful: readonly string[]
  readonly offline: readonly string[]
  /** No member serves it now, but one did a moment ago. @default false */
  readonly lately?: boolean
  /** How many of the first of `good` are in the own zone, and in the own region (with those). @default nothing is known of places */
  readonly near?: { readonly zone: number; readonly region: number }
  /** The call names this member: it is asked whatever is believed of it. @default false */
  readonly named?: boolean
}

export interface Directory {
  /**
   * Those whose records list `math` or `math@2`.
   * @param now monotonic ms, where the caller has read the clock. @default it is read
   */
  providers(service: string, now?: number): Providers | Promise<Providers>
  /** Versions of a service that some member lists, in any order. @param name `math` */
  versions(name: string): readonly number[] | Promise<readonly number[]>
  /** The peer id of a member's name or peer id; undefined: not known. */
  find(nameOrPeerId: string): string | undefined | Promise<string | undefined>
}

/** A scope without members that take no part in failure detection, and without those that joined a moment ago. */
import type { Pace, Scope, StandingOf } from './swim/index.ts'

export interface HeardScopeInit {
  scope: Scope
  /** Whether a member, of an earlier version, takes no part: the links to it are watched by pings. */
  isDeaf: (peerId: string) => boolean
}

export class HeardScope implements Scope {
  readonly #init: HeardScopeInit
  /** Joined since {@link settle}: a fleet that starts would else be linked anew with each member that comes. */
  readonly #fresh = new Set<string>()

  constructor(init: HeardScopeInit) {
    this.#init = init
  }

  joined(peerId: string): void {
    this.#fresh.add(peerId)
  }

  /** All that joined are watched from now on. */
  settle(): void {
    this.#fresh.clear()
  }

  watched(standingOf: StandingOf): ReadonlyMap<string, Pace> {
    const { scope, isDeaf } = this.#init
    const settled: StandingOf = peerId => (this.#fresh.has(peerId) ? 'dead' : standingOf(peerId))
    const watched = new Map(scope.watched(settled))
    for (const peerId of watched.keys()) if (isDeaf(peerId)) watched.delete(peerId)
    return watched
  }

  watchersOf(peerId: string, standingOf: StandingOf): readonly string[] {
    const { scope, isDeaf } = this.#init
    return scope.watchersOf(peerId, standingOf).filter(each => !isDeaf(each))
  }

  isInformed(peerId: string, links: ReadonlySet<string>): boolean {
    return this.#init.scope.isInformed(peerId, links)
  }
}

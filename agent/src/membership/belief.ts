/**
 * What this member believes of each other one: the own link first, then the lease of a relay. The one place that decides
 * who is online.
 */
import type { Link } from '../transport/links/link.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import type { Presence } from './presence.ts'

export interface BeliefInit {
  /** Own peer id. */
  self: string
  links: Pick<LinkTable, 'best'>
  presence: Pick<Presence, 'at' | 'onDown'>
  /** When bytes last came over a link; ms of `now`. */
  heardAt: (link: Link) => number
  /** Asks the peer of a link for a sign of life. @default nobody is asked */
  ask?: (link: Link) => void
  /** Monotonic milliseconds. */
  now: () => number
}

export interface Opinion {
  online: boolean
  /** What says so: the own link, a relay's lease, nothing. */
  source: 'link' | 'lease' | 'none'
}

export class Belief {
  readonly #init: BeliefInit
  /** By peer id: when a relay reported it offline although a link to it stands. */
  readonly #reportedOffline = new Map<string, number>()
  readonly #unlisten: () => void

  constructor(init: BeliefInit) {
    this.#init = init
    this.#unlisten = init.presence.onDown(peerId => this.#doubt(peerId))
  }

  /** The best link to a peer, unless its relay reported it offline and nothing was heard on the link since. */
  link(peerId: string): Link | undefined {
    const link = this.#init.links.best(peerId)
    const at = this.#reportedOffline.get(peerId)
    if (at === undefined) return link
    if (link !== undefined && this.#init.heardAt(link) < at) return undefined
    this.#reportedOffline.delete(peerId)
    return link
  }

  of(peerId: string): Opinion {
    if (this.link(peerId) !== undefined) return { online: true, source: 'link' }
    return this.#init.presence.at(peerId) === undefined
      ? { online: false, source: 'none' }
      : { online: true, source: 'lease' }
  }

  isOnline(peerId: string): boolean {
    return peerId === this.#init.self || this.of(peerId).online
  }

  stop(): void {
    this.#unlisten()
    this.#reportedOffline.clear()
  }

  /** An idle link to a host that lost power looks whole for minutes: the relay, which asks it each 4 s, knows first. */
  #doubt(peerId: string): void {
    const link = this.#init.links.best(peerId)
    if (link === undefined) return
    this.#reportedOffline.set(peerId, this.#init.now())
    this.#init.ask?.(link)
  }
}

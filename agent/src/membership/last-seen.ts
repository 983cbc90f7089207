/** When members were last online, as far as this process saw: at the end of a link, and when a relay reported them offline. */
import type { Link } from '../transport/links/link.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import type { Presence } from './presence.ts'

/** Members that are remembered; the one longest offline is forgotten first. */
const remembered = 10_000

export interface LastSeenInit {
  links: Pick<LinkTable, 'onDown'>
  presence: Pick<Presence, 'onDown'>
  /** When bytes last came over a link; ms of `now`. */
  heardAt: (link: Link) => number
  /** Monotonic milliseconds. */
  now: () => number
}

export class LastSeen {
  readonly #now: () => number
  /** By peer id, ms of `now`; the newest last. */
  readonly #at = new Map<string, number>()
  readonly #unlisten: (() => void)[]

  constructor({ links, presence, heardAt, now }: LastSeenInit) {
    this.#now = now
    this.#unlisten = [
      links.onDown(link => this.#seen(link.peer.peerId, heardAt(link))),
      presence.onDown(peerId => this.#seen(peerId, now())),
    ]
  }

  /** ms since a member was last known to be online. */
  ago(peerId: string): number | undefined {
    const at = this.#at.get(peerId)
    return at === undefined ? undefined : Math.max(0, this.#now() - at)
  }

  stop(): void {
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    this.#at.clear()
  }

  #seen(peerId: string, at: number): void {
    const before = this.#at.get(peerId) ?? -Infinity
    this.#at.delete(peerId)
    this.#at.set(peerId, Math.max(at, before))
    const [first] = this.#at.keys()
    if (this.#at.size > remembered && first !== undefined) this.#at.delete(first)
  }
}

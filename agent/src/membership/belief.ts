/**
 * What this member believes of each other one, and the one place that decides it: the own link first, then the lease of a relay, and
 * beside them the doubts about members that were not reached. Emits changes of belief; doubts that end by themselves and a link
 * that is heard again are found out by asking.
 */
import { MeshError } from '@agent-mesh/protocol'
import { Listeners } from '../core/listeners.ts'
import type { Link } from '../transport/links/link.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import { Doubts } from './doubts.ts'
import { LastSeen } from './last-seen.ts'
import type { Presence } from './presence.ts'

export interface BeliefInit {
  /** Own peer id. */
  self: string
  links: Pick<LinkTable, 'best' | 'of' | 'onUp' | 'onDown' | 'onDoubt' | 'onLeaving'>
  presence: Pick<Presence, 'at' | 'reporting' | 'onChange' | 'onDown'>
  /** When bytes last came over a link; ms of `now`. */
  heardAt: (link: Link) => number
  /** Asks the peer of a link for a sign of life. @default no peer is asked */
  ask?: (link: Link) => void
  /** Monotonic milliseconds. */
  now: () => number
  /** A listener failed. */
  onError: (error: unknown) => void
}

export interface Opinion {
  online: boolean
  /** Source: the own link, a relay's lease, none. */
  source: 'link' | 'lease' | 'none'
}

/**
 * How likely a member answers. `good`: it is asked first. `doubtful`: it is said to be online, but silent or not reached a moment
 * ago; or it has no link, and no relay says who is online.
 */
export type Standing = 'good' | 'doubtful' | 'offline'

export class Belief {
  readonly #links: BeliefInit['links']
  readonly #heardAt: (link: Link) => number
  readonly #presence: Pick<Presence, 'at' | 'reporting' | 'onChange' | 'onDown'>
  readonly #self: string
  readonly #now: () => number
  readonly #ask: ((link: Link) => void) | undefined
  readonly #doubts: Doubts
  readonly #changed: Listeners<string | undefined>
  /** By peer id: when a relay reported it offline although a link to it stands. */
  readonly #reportedOffline = new Map<string, number>()
  readonly #seen: LastSeen
  readonly #unlisten: (() => void)[]

  constructor(init: BeliefInit) {
    this.#links = init.links
    this.#heardAt = init.heardAt
    this.#presence = init.presence
    this.#self = init.self
    this.#now = init.now
    this.#ask = init.ask
    const { links, presence } = init
    this.#doubts = new Doubts(init.now)
    this.#seen = new LastSeen(init)
    this.#changed = new Listeners(init.onError)
    const changed = ({ peer }: Link) => this.#changed.emit(peer.peerId)
    this.#unlisten = [
      presence.onDown(peerId => this.#askLinked(peerId)),
      presence.onChange(() => this.#changed.emit(undefined)),
      links.onUp(({ peer }) => this.#doubts.trust(peer.peerId)),
      links.onDown(link => void this.#ended(link)),
      ...[links.onUp(changed), links.onDown(changed), links.onDoubt(changed), links.onLeaving(changed)],
    ]
  }

  /** Calls `listener` with the peer id of which a belief changed; undefined: of many. @returns how to stop listening */
  onChange(listener: (peerId: string | undefined) => void): () => void {
    return this.#changed.add(listener)
  }

  /** The best link to a peer, unless its relay reported it offline and nothing was heard on the link since. */
  link(peerId: string): Link | undefined {
    const link = this.#links.best(peerId)
    const at = this.#reportedOffline.get(peerId)
    if (at === undefined) return link
    if (link !== undefined && this.#heardAt(link) < at) return undefined
    this.#reportedOffline.delete(peerId)
    return link
  }

  of(peerId: string): Opinion {
    if (this.link(peerId) !== undefined) return { online: true, source: 'link' }
    return this.#presence.at(peerId) === undefined
      ? { online: false, source: 'none' }
      : { online: true, source: 'lease' }
  }

  /** How long ago a member that is offline now was online, ms; undefined when this process did not see it. */
  offlineFor(peerId: string): number | undefined {
    return this.#seen.ago(peerId)
  }

  isOnline(peerId: string): boolean {
    return peerId === this.#self || this.of(peerId).online
  }

  standing(peerId: string): Standing {
    const doubted = this.#doubts.has(peerId)
    if (!this.isOnline(peerId)) return this.#presence.reporting || doubted ? 'offline' : 'doubtful'
    if (this.#links.best(peerId) !== undefined) return 'good'
    return doubted || this.#links.of(peerId).length > 0 ? 'doubtful' : 'good'
  }

  /** A call is about to dial it: where it is doubted, that one finds out whether the doubt is still right. */
  dialled(peerId: string): void {
    if (this.#links.best(peerId) === undefined) this.#doubts.asked(peerId)
  }

  /** A dial did not reach it, or its only link fell silent. */
  doubt(peerId: string): void {
    this.#doubts.doubt(peerId)
    this.#changed.emit(peerId)
  }

  stop(): void {
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    this.#seen.stop()
    this.#reportedOffline.clear()
  }

  /** A link that fell silent, and was the only one. */
  async #ended(link: Link): Promise<void> {
    const reason = await link.closed
    const silent = reason instanceof MeshError && reason.code === 'path_lost'
    const { peerId } = link.peer
    if (silent && this.#links.best(peerId) === undefined) this.doubt(peerId)
  }

  /** An idle link to a host that lost power looks whole for minutes: the relay, which asks it each 4 s, knows first. */
  #askLinked(peerId: string): void {
    const link = this.#links.best(peerId)
    if (link === undefined) return
    this.#reportedOffline.set(peerId, this.#now())
    this.#ask?.(link)
  }
}

/**
 * What this member believes of each other one, and the one place that decides it: the own link first, then failure detection, then the
 * lease of a relay, and beside them the doubts about members that were not reached. Emits changes of belief; doubts that end by themselves and a link
 * that is heard again are found out by asking.
 */
import { MeshError } from '@agent-mesh/protocol'
import { Listeners } from '../core/listeners.ts'
import type { Link } from '../transport/links/link.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import { membershipDefaults } from './defaults.ts'
import { Doubts } from './doubts.ts'
import { LastSeen } from './last-seen.ts'
import type { Presence } from './presence.ts'
import type { Verdicts } from './verdicts.ts'

export interface BeliefInit {
  /** Own peer id. */
  self: string
  links: Pick<LinkTable, 'best' | 'of' | 'onUp' | 'onDown' | 'onDoubt' | 'onLeaving'>
  presence: Pick<Presence, 'at' | 'reporting' | 'onChange' | 'onDown'>
  verdicts: Verdicts
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
  /** The own link, failure detection, a relay's lease, none. */
  source: 'link' | 'swim' | 'lease' | 'none'
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
  readonly #verdicts: Verdicts
  readonly #self: string
  readonly #now: () => number
  readonly #ask: ((link: Link) => void) | undefined
  readonly #doubts: Doubts
  readonly #changed: Listeners<string | undefined>
  /** By peer id: when it was reported offline, or judged dead, although a link to it stands. */
  readonly #reportedOffline = new Map<string, number>()
  readonly #seen: LastSeen
  readonly #unlisten: (() => void)[]

  constructor(init: BeliefInit) {
    this.#links = init.links
    this.#heardAt = init.heardAt
    this.#presence = init.presence
    this.#verdicts = init.verdicts
    this.#self = init.self
    this.#now = init.now
    this.#ask = init.ask
    const { links, presence, verdicts } = init
    this.#doubts = new Doubts(init.now)
    this.#seen = new LastSeen(init)
    this.#changed = new Listeners(init.onError)
    const changed = ({ peer }: Link) => this.#changed.emit(peer.peerId)
    this.#unlisten = [
      presence.onDown(peerId => this.#reportedDown(peerId)),
      verdicts.onChange(peerId => this.#judged(peerId)),
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

  /** The best link to a peer, unless it was reported offline, or judged dead, and nothing was heard on the link since. */
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
    const hasLease = this.#presence.at(peerId) !== undefined
    if (this.#isJudged(peerId, hasLease)) return { online: false, source: 'swim' }
    if (hasLease) return { online: true, source: 'lease' }
    return this.#isVouched(peerId) ? { online: true, source: 'swim' } : { online: false, source: 'none' }
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
    if (!this.isOnline(peerId)) {
      const isKnown = this.#presence.reporting || this.#verdicts.stateOf(peerId) !== undefined
      return isKnown || doubted ? 'offline' : 'doubtful'
    }
    if (this.#links.best(peerId) !== undefined) return 'good'
    const isSuspect = this.#verdicts.suspicionOf(peerId) !== undefined
    return doubted || isSuspect || this.#links.of(peerId).length > 0 ? 'doubtful' : 'good'
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

  /** A farewell is final. A relay that goes on to report the member for a while after it was judged dead knows better. */
  #isJudged(peerId: string, hasLease: boolean): boolean {
    const state = this.#verdicts.stateOf(peerId)
    if (state !== 'dead') return state === 'left'
    return !hasLease || this.#verdicts.ageOf(peerId) < membershipDefaults.judgedMs
  }

  /**
   * It showed itself to this member or to others, and was not judged since. One that is silent may be slow: that is for the verdict to
   * say, as it is of one whose link stands. One whose side closed its links has ended, or will be here again in a moment.
   */
  #isVouched(peerId: string): boolean {
    if (this.#verdicts.stateOf(peerId) !== 'alive') return false
    return this.#verdicts.suspicionOf(peerId) !== 'closed' || this.#links.of(peerId).length > 0
  }

  #judged(peerId: string): void {
    const state = this.#verdicts.stateOf(peerId)
    if (state === 'dead') this.#askLinked(peerId)
    else if (state === 'alive') this.#doubts.trust(peerId)
    this.#changed.emit(peerId)
  }

  /** What was learned of it before is outdated. */
  #reportedDown(peerId: string): void {
    if (this.#verdicts.stateOf(peerId) === 'alive') this.#verdicts.forget(peerId)
    this.#askLinked(peerId)
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

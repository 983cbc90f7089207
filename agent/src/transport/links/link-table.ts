/**
 * All links of a member: adds and removes them, and says what happens to them. Which link to a peer is used is decided in rank.ts,
 * which ones are displaced by others in room.ts, how a link ends in retirement.ts.
 */
import { MeshError } from '@agent-mesh/protocol'
import { Listeners } from '../../core/listeners.ts'
import type { Path } from '../address.ts'
import { transportDefaults } from '../defaults.ts'
import { LinkIndex } from './link-index.ts'
import type { Link } from './link.ts'
import { Retirement, type RetirementInit } from './retirement.ts'
import { excessOf, roomFor } from './room.ts'

export interface LinkTableInit extends Omit<RetirementInit, 'links' | 'onSilent'> {
  maxLinks: number
  idleMs: number
  /** Monotonic milliseconds. */
  now: () => number
}

export class LinkTable {
  readonly #maxLinks: number
  readonly #now: () => number
  readonly #idleMs: number
  readonly #self: LinkTableInit['self']
  readonly #index: LinkIndex
  readonly #retirement: Retirement
  readonly #keeps: ((link: Link) => boolean)[] = []
  readonly #up: Listeners<Link>
  readonly #down: Listeners<Link>
  readonly #doubted: Listeners<Link>
  readonly #left: Listeners<Link>
  readonly #displaced: Listeners<Link>

  constructor(init: LinkTableInit) {
    this.#maxLinks = init.maxLinks
    this.#now = init.now
    this.#idleMs = init.idleMs
    this.#self = init.self
    this.#index = new LinkIndex(init.self)
    this.#retirement = new Retirement({ ...init, links: this.#index, onSilent: link => this.suspect(link) })
    this.#up = new Listeners(init.onError)
    this.#down = new Listeners(init.onError)
    this.#doubted = new Listeners(init.onError)
    this.#left = new Listeners(init.onError)
    this.#displaced = new Listeners(init.onError)
  }

  /** Number of links. */
  get size(): number {
    return this.#index.size
  }

  /** From now on a link is kept without work when `keeps` says so, or any given before. */
  keepWhen(keeps: (link: Link) => boolean): void {
    this.#keeps.push(keeps)
  }

  onUp(callback: (link: Link) => void): () => void {
    return this.#up.add(callback)
  }

  /** Also called for a link that was retired. */
  onDown(callback: (link: Link) => void): () => void {
    return this.#down.add(callback)
  }

  /** Called when a link becomes suspect, and when it is trusted again: see {@link Link.suspect}. */
  onDoubt(callback: (link: Link) => void): () => void {
    return this.#doubted.add(callback)
  }

  /** Called when a peer said that it takes no new work on a link. */
  onLeaving(callback: (link: Link) => void): () => void {
    return this.#left.add(callback)
  }

  /** Called with a circuit whose relay leaves: it should be replaced, and serves until then. */
  onDisplaced(callback: (link: Link) => void): () => void {
    return this.#displaced.add(callback)
  }

  /**
   * The peer accepts no new work on this link, and closes it when the running work is done. The circuits through it as a relay are displaced, unless
   * there is another link to that relay.
   */
  leaving(link: Link): void {
    if (link.state === 'down') return
    const news = link.state === 'up'
    link.markRetiring()
    if (news) this.#left.emit(link)
    const { peerId } = link.peer
    if (this.best(peerId) !== undefined) return
    const circuits = this.all().filter(
      ({ state, relayId, displaced }) => state === 'up' && relayId === peerId && !displaced,
    )
    for (const circuit of circuits.sort((one, other) => other.lastUsed - one.lastUsed))
      this.#displace(circuit)
  }

  #displace(circuit: Link): void {
    circuit.markDisplaced()
    this.#index.reorder(circuit.peer.peerId)
    this.#displaced.emit(circuit)
  }

  /** Whether no link to the relay takes new work: the handshake of a circuit may end after its relay said that it leaves. */
  #isLeaving(relayId: string | undefined): boolean {
    const links = relayId === undefined ? [] : this.of(relayId)
    return links.length > 0 && links.every(({ state }) => state !== 'up')
  }

  /** The peer is silent on this link: new work takes another one, what runs on it stays. */
  suspect(link: Link): void {
    if (link.markSuspect(true)) this.#doubted.emit(link)
  }

  /** The peer sent again on a suspect link. */
  trust(link: Link): void {
    if (!link.markSuspect(false)) return
    this.#doubted.emit(link)
    this.#retirement.retireSurplus(link.peer.peerId)
  }

  all(): Link[] {
    return this.#index.all()
  }

  /** Peer ids with at least one link. */
  peers(): string[] {
    return this.#index.peers()
  }

  /** Links to a peer, best first. */
  of(peerId: string): Link[] {
    return this.#index.of(peerId)
  }

  /** The link new work takes: none that is suspect. @param paths only links of these paths */
  best(peerId: string, paths?: readonly Path[]): Link | undefined {
    return this.#index.best(peerId, paths)
  }

  /** The best link, unless its relay leaves. @param paths only links of these paths */
  lasting(peerId: string, paths?: readonly Path[]): Link | undefined {
    const best = this.best(peerId, paths)
    return best?.displaced === true ? undefined : best
  }

  /**
   * Makes sure that one more link fits, retiring the least recently used one if need be.
   * @throws MeshError too_many_links when all have work
   */
  makeRoom(): void {
    if (this.size < this.#maxLinks) return
    const { retire, close } = roomFor(this.all(), link => this.#idle(link), this.#maxLinks)
    if (retire !== undefined) this.retire(retire)
    if (close === undefined) return
    this.#remove(close)
    this.#retirement.await(close.close())
  }

  /** Takes over a link. @throws MeshError too_many_links; the caller then closes it */
  add(link: Link): void {
    const { peerId } = link.peer
    if (link.state === 'down')
      throw new MeshError('unavailable', `Cannot add link to ${peerId}: it is closed`)
    this.#endExcess(peerId)
    this.makeRoom()
    const isLeaving = this.#isLeaving(link.relayId)
    if (isLeaving) link.markDisplaced()
    this.#index.add(link)
    this.#retirement.await(link.closed.then(() => this.#remove(link)))
    this.#up.emit(link)
    if (isLeaving) this.#displaced.emit(link)
    this.#retirement.retireSurplus(peerId)
  }

  /** Ends the suspect links to the peer of this one, which took their place. */
  endDoubted(successor: Link): void {
    const reason = new MeshError('path_lost', 'Cannot keep the link: it fell silent, and there is another')
    for (const link of this.of(successor.peer.peerId))
      if (link !== successor && link.suspect) link.abort(reason)
  }

  /** Sends GOING_AWAY and closes the link when its work is done; new work takes another. */
  retire(link: Link): void {
    this.#retirement.retire(link)
  }

  #endExcess(peerId: string): void {
    const links = this.of(peerId)
    const excess = excessOf(links, transportDefaults.linksPerPeer)
    if (excess === undefined) return
    const others = `its peer has ${links.length} others`
    excess.abort(new MeshError('too_many_links', `Cannot keep the link: ${others}`))
    this.#remove(excess)
  }

  #remove(link: Link): void {
    if (this.#index.remove(link)) this.#down.emit(link)
  }

  #idle(link: Link): boolean {
    const carriesCircuits = () => this.all().some(other => other.relayId === link.peer.peerId)
    return !link.pinned && !link.busy && !this.#keeps.some(keeps => keeps(link)) && !carriesCircuits()
  }

  /** Retires links dialled here and unused for `idleMs`: a call of the peer may be on its way. */
  sweep(): void {
    const now = this.#now()
    const soon = Math.min(this.#idleMs, transportDefaults.unaskedIdleMs)
    for (const link of this.all()) {
      const before = now - (link.unasked ? soon : this.#idleMs)
      if (link.dialler === this.#self && link.lastUsed <= before && this.#idle(link)) this.retire(link)
    }
  }

  /** Disconnects a peer: revoked, expired or removed. */
  disconnect(peerId: string, reason: MeshError): void {
    for (const link of this.of(peerId)) link.abort(reason)
  }

  /** Closes all links and waits until each is closed. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.all().map(link => link.close()))
    await this.#retirement.settled()
  }
}

/**
 * All links of a member, by peer. Decides which link to a peer is used, retires surplus ones, closes idle ones and
 * keeps their number bounded. Only the dialler closes an idle link: it alone knows whether it means to keep it.
 */
import { MeshError } from '@agent-mesh/protocol'
import { paths as allPaths, type Path } from '../address.ts'
import { transportDefaults } from '../defaults.ts'
import type { Link } from './link.ts'
import { Listeners } from '../../core/listeners.ts'
import { byRank, lowerOf } from './rank.ts'

export interface LinkTableInit {
  /** Own peer id. */
  self: string
  maxLinks: number
  idleMs: number
  /** Monotonic milliseconds. */
  now: () => number
  /** Tells the peer and waits until running calls are done; the link is closed afterwards. */
  retire: (link: Link) => Promise<void>
  /**
   * Makes sure that the peer answers on this link before others to it are retired for its sake. Rejects when it does not.
   * @default believes it
   */
  verify?: (link: Link) => Promise<void>
  /** Whether a link without work must be kept all the same. */
  keep: (link: Link) => boolean
  onError: (error: unknown) => void
}

const isGood = (link: Link): boolean => link.state === 'up' && !link.suspect

/** Circuits whose relay leaves come last. */
const byDisplaced = (one: Link, other: Link): number => Number(one.displaced) - Number(other.displaced)

export class LinkTable {
  readonly #init: LinkTableInit
  readonly #sessions = new Map<string, Link[]>()
  readonly #up: Listeners<Link>
  readonly #down: Listeners<Link>
  readonly #doubted: Listeners<Link>
  readonly #left: Listeners<Link>
  readonly #displaced: Listeners<Link>
  readonly #ending = new Set<Promise<unknown>>()
  readonly #verifying = new Set<Link>()
  #size = 0

  constructor(init: LinkTableInit) {
    this.#init = init
    this.#up = new Listeners(init.onError)
    this.#down = new Listeners(init.onError)
    this.#doubted = new Listeners(init.onError)
    this.#left = new Listeners(init.onError)
    this.#displaced = new Listeners(init.onError)
  }

  /** Number of links. */
  get size(): number {
    return this.#size
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

  /** Called with a circuit whose relay leaves: it is to be replaced, and serves until it is. */
  onDisplaced(callback: (link: Link) => void): () => void {
    return this.#displaced.add(callback)
  }

  /**
   * The peer takes no new work on this link; it closes it when it is done. The circuits through it as a relay are displaced, unless
   * there is another link to that relay.
   */
  leaving(link: Link): void {
    if (link.state !== 'up') return
    link.markRetiring()
    this.#left.emit(link)
    const { peerId } = link.peer
    if (this.best(peerId) !== undefined) return
    const circuits = this.all().filter(({ state, relayId }) => state === 'up' && relayId === peerId)
    for (const circuit of circuits.sort((one, other) => other.lastUsed - one.lastUsed))
      this.#displace(circuit)
  }

  #displace(circuit: Link): void {
    circuit.markDisplaced()
    this.#sessions.get(circuit.peer.peerId)?.sort(byDisplaced)
    this.#displaced.emit(circuit)
  }

  /** The peer is silent on this link: new work takes another one, what runs on it stays. */
  suspect(link: Link): void {
    if (link.markSuspect(true)) this.#doubted.emit(link)
  }

  /** The peer was heard again on a suspect link. */
  trust(link: Link): void {
    if (!link.markSuspect(false)) return
    this.#doubted.emit(link)
    this.#retireSurplus(link.peer.peerId)
  }

  all(): Link[] {
    return [...this.#sessions.values()].flat()
  }

  /** Peer ids with at least one link. */
  peers(): string[] {
    return [...this.#sessions.keys()]
  }

  /** Links to a peer, best first. */
  of(peerId: string): Link[] {
    return [...(this.#sessions.get(peerId) ?? [])]
  }

  /** The link new work takes: none that is suspect. @param paths only links of these paths */
  best(peerId: string, paths: readonly Path[] = allPaths): Link | undefined {
    return this.#sessions.get(peerId)?.find(link => isGood(link) && paths.includes(link.path))
  }

  /** The best link, unless its relay leaves. @param paths only links of these paths */
  lasting(peerId: string, paths?: readonly Path[]): Link | undefined {
    const best = this.best(peerId, paths)
    return best?.displaced === true ? undefined : best
  }

  /**
   * Makes sure that one more link fits, retiring the least recently used one if need be. Those that retire do not count:
   * they end when their calls do; only beyond as many again is one without work closed.
   * @throws MeshError too_many_links when all have work
   */
  makeRoom(): void {
    const { maxLinks } = this.#init
    if (this.#size < maxLinks) return
    const idle = this.all()
      .filter(link => this.#idle(link))
      .sort((a, b) => a.lastUsed - b.lastUsed)
    const full = this.all().filter(({ state }) => state === 'up').length >= maxLinks
    const oldest = full ? idle.find(({ state }) => state === 'up') : undefined
    const over = this.#size >= 2 * maxLinks ? idle.find(link => link !== oldest) : undefined
    if ((full && oldest === undefined) || (this.#size >= 2 * maxLinks && over === undefined))
      throw new MeshError('too_many_links', `Cannot open a link: all ${this.#size} links have work in flight`)
    if (oldest !== undefined) this.retire(oldest)
    if (over === undefined) return
    this.#remove(over)
    this.#end(over.close())
  }

  /** Takes over a link. @throws MeshError too_many_links; the caller then closes it */
  add(link: Link): void {
    if (link.state === 'down')
      throw new MeshError('unavailable', `Cannot add link to ${link.peer.peerId}: it is closed`)
    this.#endSurplus(link.peer.peerId)
    this.makeRoom()
    const { self } = this.#init
    const links = this.#sessions.get(link.peer.peerId) ?? []
    links.push(link)
    const older = ({ peer }: Link) => Number(peer.boot !== link.peer.boot)
    const ranked = byRank(lowerOf(self, link.peer.peerId))
    // Who started anew has left the links of before half open: they may look whole for minutes.
    links.sort((one, other) => older(one) - older(other) || byDisplaced(one, other) || ranked(one, other))
    this.#sessions.set(link.peer.peerId, links)
    this.#size++
    this.#end(link.closed.then(() => this.#remove(link)))
    this.#up.emit(link)
    this.#retireSurplus(link.peer.peerId)
  }

  /**
   * Leaves the best link alone, once it is known to work: the peer may have opened the other one because this one is
   * dead. Suspect links stay: they end or recover. Another start of the peer is no second way to it: before a restart, or a
   * clone, which would dial again and again. Both peers look whether it works, only the lower one retires.
   */
  #retireSurplus(peerId: string): void {
    const [best] = this.of(peerId).filter(isGood)
    if (best === undefined || this.#surplusTo(best).length === 0) return
    if (this.#init.verify === undefined) return this.#verified(best)
    if (this.#verifying.has(best)) return
    this.#verifying.add(best)
    const verified = this.#init.verify(best).then(
      () => this.#verified(best),
      () => this.#unverified(best),
    )
    this.#end(verified)
  }

  #verified(best: Link): void {
    this.#verifying.delete(best)
    if (this.of(best.peer.peerId).find(isGood) !== best) return this.#retireSurplus(best.peer.peerId)
    if (this.#init.self < best.peer.peerId) for (const link of this.#surplusTo(best)) this.retire(link)
  }

  #surplusTo(best: Link): Link[] {
    const { peerId, boot } = best.peer
    return this.of(peerId).filter(link => link !== best && isGood(link) && link.peer.boot === boot)
  }

  #unverified(best: Link): void {
    this.#verifying.delete(best)
    this.suspect(best)
    this.#retireSurplus(best.peer.peerId)
  }

  /** Ends the suspect links to the peer of this one, which took their place. */
  endDoubted(successor: Link): void {
    const reason = new MeshError('path_lost', 'Cannot keep the link: it fell silent, and there is another')
    for (const link of this.of(successor.peer.peerId))
      if (link !== successor && link.suspect) link.abort(reason)
  }

  /** Tells the peer that the link goes away and closes it when nothing runs on it any more; new work takes another. */
  retire(link: Link): void {
    if (link.state !== 'up') return
    link.markRetiring()
    this.#end(Promise.race([this.#init.retire(link), link.closed]).finally(() => link.close()))
  }

  /** Ends a link of a peer that has too many, one without work if there is one: it, and nobody else, pays for opening another. */
  #endSurplus(peerId: string): void {
    const links = this.of(peerId)
    if (links.length < transportDefaults.linksPerPeer) return
    const [oldest] = links.sort((a, b) => Number(a.busy) - Number(b.busy) || a.openedAt - b.openedAt)
    oldest?.abort(
      new MeshError('too_many_links', `Cannot keep the link: its peer has ${links.length} others`),
    )
    if (oldest !== undefined) this.#remove(oldest)
  }

  #remove(link: Link): void {
    const links = this.#sessions.get(link.peer.peerId)
    const index = links?.indexOf(link) ?? -1
    if (links === undefined || index < 0) return
    links.splice(index, 1)
    this.#verifying.delete(link)
    this.#size--
    if (links.length === 0) this.#sessions.delete(link.peer.peerId)
    this.#down.emit(link)
  }

  #idle(link: Link): boolean {
    const carriesCircuits = () => this.all().some(other => other.relayId === link.peer.peerId)
    return !link.pinned && !link.busy && !this.#init.keep(link) && !carriesCircuits()
  }

  /** Retires what this member dialled and nobody has used for `idleMs`: a call of the peer may be on its way. */
  sweep(): void {
    const before = this.#init.now() - this.#init.idleMs
    for (const link of this.all())
      if (link.dialler === this.#init.self && link.lastUsed <= before && this.#idle(link)) this.retire(link)
  }

  /** Cuts a peer off: revoked, expired or gone. */
  disconnect(peerId: string, reason: MeshError): void {
    for (const link of this.of(peerId)) link.abort(reason)
  }

  /** Closes all links and waits until each is gone. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.all().map(link => link.close()))
    await Promise.allSettled([...this.#ending])
  }

  #end(ending: Promise<unknown>): void {
    const owned: Promise<unknown> = ending.catch(this.#init.onError).finally(() => this.#ending.delete(owned))
    this.#ending.add(owned)
  }
}

/** The links of a member by peer, each session with its best link first. Holds them, and decides nothing. */
import { paths as allPaths, type Path } from '../address.ts'
import type { Link } from './link.ts'
import { byDisplaced, bySession } from './rank.ts'

/** Whether new work may take a link. */
export const isGood = (link: Link): boolean => link.state === 'up' && !link.suspect

export class LinkIndex {
  readonly #self: string
  readonly #sessions = new Map<string, Link[]>()
  #size = 0

  /** @param self own peer id */
  constructor(self: string) {
    this.#self = self
  }

  /** Number of links. */
  get size(): number {
    return this.#size
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

  /** The link that new work takes. @param paths only links of these paths */
  best(peerId: string, paths: readonly Path[] = allPaths): Link | undefined {
    const links = this.#sessions.get(peerId)
    if (links === undefined) return undefined
    for (const link of links) if (isGood(link) && paths.includes(link.path)) return link
    return undefined
  }

  add(link: Link): void {
    const links = this.#sessions.get(link.peer.peerId) ?? []
    links.push(link)
    links.sort(bySession(this.#self, link))
    this.#sessions.set(link.peer.peerId, links)
    this.#size++
  }

  /** A circuit to this peer was displaced: it comes last. */
  reorder(peerId: string): void {
    this.#sessions.get(peerId)?.sort(byDisplaced)
  }

  /** @returns whether it was there */
  remove(link: Link): boolean {
    const { peerId } = link.peer
    const links = this.#sessions.get(peerId)
    const at = links?.indexOf(link) ?? -1
    if (links === undefined || at < 0) return false
    links.splice(at, 1)
    if (links.length === 0) this.#sessions.delete(peerId)
    this.#size--
    return true
  }
}

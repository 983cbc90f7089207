/** Links as failure detection sees them: one to each peer, however many there are, and who of them takes part in it. */
import { encodeSwim, linkFeatures, type SwimMessage } from '@agent-mesh/protocol/wire/index'
import type { RpcLink } from '../rpc/index.ts'
import type { Link } from '../transport/links/link.ts'
import type { LinkTable } from '../transport/links/link-table.ts'

export interface SwimLinksInit {
  links: Pick<LinkTable, 'best' | 'of' | 'onUp' | 'onDown' | 'peers'>
  rpcOf: (link: Link) => Pick<RpcLink, 'swim' | 'peerFeatures' | 'stats'>
  /** Asks the peer for a sign of life; resolves with it. @throws MeshError */
  ping: (link: Link) => Promise<unknown>
  /** What a peer understands is known. @returns how to stop listening */
  onFeatures: (listener: (link: Link) => void) => () => void
  /** Opens a link, unless there is one or one is being opened. Never throws. */
  dial: (peerId: string) => void
  /** Monotonic ms. */
  now: () => number
  events: SwimLinkEvents
}

export interface SwimLinkEvents {
  /** There is a link to a peer of which there was none. */
  met(link: Link): void
  /** A peer that has a link takes part. */
  up(peerId: string): void
  /** The last link to a peer that takes part, as far as is known, ended. @param closed its side ended it, and said nothing of going away */
  down(peerId: string, closed: boolean): void
  /** It answered a probe. */
  heard(peerId: string): void
}

/** What has no link yet is sent within this, ms: later it is of no use. */
const waitMs = 1_000
/** Messages that wait for a link (counts): one that is not reached costs no memory. */
const waitMost = { peers: 64, messages: 16 } as const

interface Waiting {
  bytes: Buffer
  at: number
}

export class SwimLinks {
  readonly #init: SwimLinksInit
  /** Peers that take part, as they said on a link: they are of this version or later. */
  readonly #speaks = new Set<string>()
  /** Peers that showed on a link that they do not. */
  readonly #deaf = new Set<string>()
  /** By peer id: those that take part and have a link. */
  readonly #up = new Set<string>()
  readonly #waiting = new Map<string, Waiting[]>()
  readonly #unlisten: (() => void)[]

  constructor(init: SwimLinksInit) {
    this.#init = init
    const { links, onFeatures, events } = init
    this.#unlisten = [
      links.onUp(link => events.met(link)),
      onFeatures(link => this.#learn(link)),
      links.onDown(link => this.#ended(link)),
    ]
  }

  /** Whether this peer, of an earlier version, takes no part: the links to it are watched by pings alone. */
  isDeaf(peerId: string): boolean {
    return this.#deaf.has(peerId)
  }

  takesPart(peerId: string): boolean {
    return this.#speaks.has(peerId)
  }

  /** Whether bytes on its network cost money. */
  isMetered(peerId: string): boolean {
    return this.#init.links
      .of(peerId)
      .some(link => ((this.#init.rpcOf(link).peerFeatures ?? 0) & linkFeatures.metered) !== 0)
  }

  /** Monotonic ms when anything was last heard from it on a link that stands; -Infinity: there is none. */
  heardAt(peerId: string): number {
    let at = -Infinity
    for (const link of this.#init.links.of(peerId))
      at = Math.max(at, this.#init.rpcOf(link).stats.lastHeardAt)
    return at
  }

  /** Ms; undefined: unknown. */
  rttMs(peerId: string): number | undefined {
    return this.#linkTo(peerId)?.rttMs
  }

  send(to: string, message: SwimMessage): void {
    const link = this.#linkTo(to)
    const bytes = encodeSwim(message)
    if (link === undefined) this.#sendLater(to, bytes)
    else if (!this.#deaf.has(to)) this.#init.rpcOf(link).swim(bytes)
  }

  ping(to: string): void {
    const link = this.#linkTo(to)
    if (link === undefined) return this.#init.dial(to)
    this.#init.ping(link).then(
      () => this.#init.events.heard(to),
      () => undefined,
    )
  }

  dial(to: string): void {
    if (this.#linkTo(to) === undefined) this.#init.dial(to)
  }

  /** What it understands is known again with its next link. */
  forget(peerId: string): void {
    this.#waiting.delete(peerId)
    if (this.#init.links.of(peerId).length > 0) return
    this.#speaks.delete(peerId)
    this.#deaf.delete(peerId)
  }

  stop(): void {
    for (const unlisten of this.#unlisten.splice(0)) unlisten()
    this.#waiting.clear()
  }

  /** The link that calls take; one that is suspect when there is no other: the question is whether it is still good. */
  #linkTo(peerId: string): Link | undefined {
    return this.#init.links.best(peerId) ?? this.#init.links.of(peerId).find(({ state }) => state !== 'down')
  }

  #learn(link: Link): void {
    const { peerId } = link.peer
    const takesPart = ((this.#init.rpcOf(link).peerFeatures ?? 0) & linkFeatures.swim) !== 0
    const [into, from] = takesPart ? [this.#speaks, this.#deaf] : [this.#deaf, this.#speaks]
    into.add(peerId)
    from.delete(peerId)
    const waiting = this.#waiting.get(peerId)
    this.#waiting.delete(peerId)
    if (!takesPart || link.state === 'down') return
    const since = this.#init.now() - waitMs
    for (const { bytes, at } of waiting ?? []) if (at > since) this.#init.rpcOf(link).swim(bytes)
    if (this.#up.has(peerId)) return
    this.#up.add(peerId)
    this.#init.events.up(peerId)
  }

  #ended(link: Link): void {
    const { peerId } = link.peer
    if (this.#init.links.of(peerId).length > 0) return
    // It may have ended before it has said whether it takes part.
    if (this.#up.delete(peerId) || !this.#deaf.has(peerId)) this.#init.events.down(peerId, !link.parted)
  }

  #sendLater(to: string, bytes: Buffer): void {
    const waiting = this.#waiting.get(to) ?? []
    if (waiting.length >= waitMost.messages || (this.#waiting.size >= waitMost.peers && waiting.length === 0))
      return
    waiting.push({ bytes, at: this.#init.now() })
    this.#waiting.set(to, waiting)
    this.#init.dial(to)
  }
}

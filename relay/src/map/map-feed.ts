/**
 * Pages for followers of the map, made once for all of them: most are at the same cursor, and after a restart of the
 * relay a thousand ask for the same page.
 */
import type { HeadKeeper, MemberStore, MeshMap } from '@agent-mesh/agent'
import type { SignedHead } from '@agent-mesh/protocol'
import { relayDefaults } from '../defaults.ts'
import type { PresenceFeed } from '../presence/presence-feed.ts'
import { mapPageAfter } from './map-pages.ts'
import type { ChangesMessage, HeadMessage, MapSource } from './map-subscriber.ts'

export interface MapFeedInit {
  head: Pick<HeadKeeper, 'current'>
  map: Pick<MeshMap, 'cursor'>
  store: Pick<MemberStore, 'changesAfter'>
  presence: Pick<PresenceFeed, 'after'>
  /** How often a follower gets a sign of life, ms. */
  beatMs: number
}

type Page = ChangesMessage | 'restart' | undefined

export class MapFeed implements MapSource {
  readonly #headKeeper: Pick<HeadKeeper, 'current'>
  readonly #map: Pick<MeshMap, 'cursor'>
  readonly #presence: Pick<PresenceFeed, 'after'>
  readonly #beatMs: number
  readonly #store: Pick<MemberStore, 'changesAfter'>
  #head: HeadMessage | undefined
  #headNews = 0
  /** By the cursor they follow, while the mirror stands at `#pagesAt`; those made first are dropped first. */
  readonly #pages = new Map<string | undefined, Page>()
  #pagesAt: string | undefined

  constructor(init: MapFeedInit) {
    this.#headKeeper = init.head
    this.#map = init.map
    this.#presence = init.presence
    this.#store = init.store
    this.#beatMs = init.beatMs
  }

  head(): HeadMessage {
    const { signed } = this.#headKeeper.current
    if (this.#head?.head === signed) return this.#head
    if (this.#head === undefined || saysMore(signed, this.#head.head)) this.#headNews++
    return (this.#head = { type: 'head', head: signed, health: true, beatMs: this.#beatMs })
  }

  headNews(): number {
    this.head()
    return this.#headNews
  }

  pageAfter(cursor: string | undefined): Page {
    const at = this.#map.cursor
    if (at !== this.#pagesAt) this.#pages.clear()
    this.#pagesAt = at
    if (this.#pages.has(cursor)) return this.#pages.get(cursor)
    const page = this.#read(at, cursor)
    const [oldest] = this.#pages.keys()
    if (this.#pages.size >= relayDefaults.sharedPages) this.#pages.delete(oldest)
    this.#pages.set(cursor, page)
    return page
  }

  presenceAfter(at: number | undefined) {
    return this.#presence.after(at)
  }

  #read(at: string | undefined, cursor: string | undefined): Page {
    const page = mapPageAfter(this.#store, at, cursor)
    return typeof page === 'object' ? { type: 'changes', page } : page
  }
}

/** Whether a head differs from an earlier one in more than its age. */
const saysMore = (head: SignedHead, before: SignedHead): boolean =>
  head.relays !== before.relays ||
  head.policy !== before.policy ||
  head.revocations !== before.revocations ||
  JSON.stringify(head.keys) !== JSON.stringify(before.keys)

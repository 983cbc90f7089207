/**
 * Keeps the map current over the links to the own relays: one long-lived stream to each, the delta from the cursor
 * first, then pushes. Two relays tell the same; what is known already is skipped.
 */
import {
  mapMessageBytes,
  mapMessageSchema,
  mapProtocol,
  MeshError,
  type MapMessage,
} from '@agent-mesh/protocol'
import type { Logger } from '../observe/logger.ts'
import type { Link } from '../transport/link.ts'
import { messageStream, type MessageStream } from '../transport/message-stream.ts'
import type { HeadKeeper } from './head-keeper.ts'
import type { MeshMap } from './mesh-map.ts'
import type { Presence } from './presence.ts'

export interface MapSyncInit {
  head: HeadKeeper
  map: MeshMap
  presence: Presence
  log: Logger
  /** Milliseconds before a stream that ended while its link lives is opened again. */
  reopenMs: number
  /** The home claim for this relay, or undefined when it is not the home. */
  homeClaimFor: (relay: string) => Promise<string | undefined>
}

export class MapSync {
  readonly #init: MapSyncInit
  readonly #streams = new Map<string, MessageStream>()
  readonly #timers = new Set<NodeJS.Timeout>()
  /** Messages are taken in one after the other, whichever relay sent them. */
  #receiving: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(init: MapSyncInit) {
    this.#init = init
  }

  /** Whether some relay keeps the map current. */
  get live(): boolean {
    return this.#streams.size > 0
  }

  /** Syncs over a link to a relay until the link is down. */
  async follow(link: Link): Promise<void> {
    const relay = link.peer.peerId
    if (this.#stopped || this.#streams.has(relay) || link.state !== 'up') return
    try {
      await this.#open(link)
    } catch (error) {
      this.#init.log.debug({ relay, err: error }, 'map stream not opened')
      this.#reopenLater(link)
    }
  }

  /** Tells the relay whether it is this member's home now. */
  async announceHome(relay: string): Promise<void> {
    const home = await this.#init.homeClaimFor(relay)
    if (home !== undefined) this.#streams.get(relay)?.send({ type: 'home', home })
  }

  /** Ends the streams, and what was received before is in the map. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    for (const stream of this.#streams.values()) stream.close()
    this.#streams.clear()
    await this.#receiving
  }

  async #open(link: Link): Promise<void> {
    const relay = link.peer.peerId
    const stream = await link.openStream(mapProtocol)
    const messages = messageStream({
      stream,
      schema: mapMessageSchema,
      maxBytes: mapMessageBytes,
      onMessage: message => {
        this.#receiving = this.#receiving.then(() => this.#receive(relay, message))
      },
    })
    this.#streams.set(relay, messages)
    stream.onClose(() => {
      if (this.#streams.get(relay) === messages) this.#streams.delete(relay)
      this.#init.presence.forget(relay)
      this.#reopenLater(link)
    })
    const { cursor } = this.#init.map
    messages.send({ type: 'sync', ...(cursor === undefined ? {} : { since: cursor }) })
    await this.announceHome(relay)
  }

  #reopenLater(link: Link): void {
    if (this.#stopped || link.state !== 'up') return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      void this.follow(link)
    }, this.#init.reopenMs)
    this.#timers.add(timer)
  }

  async #receive(relay: string, message: MapMessage): Promise<void> {
    if (this.#stopped) return
    const { head, map, presence, log } = this.#init
    try {
      if (message.type === 'head') await head.accept(message.head)
      else if (message.type === 'changes') await map.apply(message.page)
      else if (message.type === 'restart') map.restart()
      else presence.tell(relay, message)
    } catch (error) {
      const old = error instanceof MeshError && error.code === 'conflict'
      log[old ? 'debug' : 'warn']({ relay, err: error }, 'refused what a relay said of the mesh')
    }
  }
}

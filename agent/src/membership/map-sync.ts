/**
 * Keeps the map current over the links to the own relays: one long-lived stream to each, the delta from the cursor
 * first, then pushes. Two relays send the same; known changes are skipped.
 */
import {
  mapMessageBytes,
  mapMessageSchema,
  mapProtocol,
  MeshError,
  type MapMessage,
} from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import type { Logger } from '../observe/logger.ts'
import type { Link } from '../transport/links/link.ts'
import { messageStream, type MessageStream } from '../transport/message-stream.ts'
import type { HeadKeeper } from './head-keeper.ts'
import type { MeshMap } from './mesh-map.ts'
import type { Presence, PresenceSource } from './presence.ts'
import { StreamWatchdog } from './stream-watchdog.ts'

export interface MapSyncInit {
  head: HeadKeeper
  map: MeshMap
  presence: Presence
  log: Logger
  /** Milliseconds before a stream that ended is opened again, over the link there is then. */
  reopenMs: number
  /** The best link to a relay that is to be followed. */
  linkTo: (relay: string) => Link | undefined
  /** The home claim for this relay, or undefined when it is not the home. */
  homeClaimFor: (relay: string) => Promise<string | undefined>
  /** A stream was open and silent for longer than its relay promised: it is opened again. @default not reported */
  onSilent?: (relay: string) => void
}

/** Characters of messages taken off the streams and not yet in the map: two relays tell a full map, 8 MB, at once. */
const maxWaiting = 32 * 1024 * 1024

/** One stream to a relay; what waits when it ends no longer counts for presence. */
interface Sender {
  relay: string
  lease: PresenceSource
}

interface Opening {
  readonly opened: Promise<void>
  readonly giveUp: AbortController
}

export class MapSync {
  readonly #log: Logger
  readonly #homeClaimFor: (relay: string) => Promise<string | undefined>
  readonly #onSilent: ((relay: string) => void) | undefined
  readonly #presence: Presence
  readonly #map: MeshMap
  readonly #linkTo: (relay: string) => Link | undefined
  readonly #reopenMs: number
  readonly #head: HeadKeeper
  readonly #streams = new Map<string, MessageStream>()
  /** By relay: a link that comes up and a home that moves there may ask at the same time. */
  readonly #opening = new Map<string, Opening>()
  /** Of {@link MapSync.#streams}: those to relays that accept the health of agents. */
  readonly #healthStreams = new WeakSet<MessageStream>()
  readonly #timers = new Set<NodeJS.Timeout>()
  /** Messages are applied one after the other, from all relays. */
  #receiving: Promise<void> = Promise.resolve()
  #waiting = 0
  readonly #stopping = new AbortController()

  constructor(init: MapSyncInit) {
    this.#log = init.log
    this.#homeClaimFor = init.homeClaimFor
    this.#onSilent = init.onSilent
    this.#presence = init.presence
    this.#map = init.map
    this.#linkTo = init.linkTo
    this.#reopenMs = init.reopenMs
    this.#head = init.head
  }

  /** Whether some relay keeps the map current. */
  get live(): boolean {
    return this.#streams.size > 0
  }

  /** Syncs over a link to a relay until the link is down. Idempotent. */
  follow(link: Link): void {
    const relay = link.peer.peerId
    if (
      this.#stopping.signal.aborted ||
      this.#streams.has(relay) ||
      this.#opening.has(relay) ||
      link.state !== 'up'
    )
      return
    const giveUp = new AbortController()
    const opened = this.#open(link, AbortSignal.any([this.#stopping.signal, giveUp.signal]))
      .catch((error: unknown) => {
        this.#log.debug({ event: 'map-stream-not-opened', relay, err: error }, 'map stream not opened')
        this.#reopenLater(relay)
      })
      .finally(() => this.#opening.delete(relay))
    this.#opening.set(relay, { opened, giveUp })
  }

  /** Ends the streams to other relays than these: they are homes no more and give the place to another agent. */
  followOnly(relays: readonly string[]): void {
    for (const [relay, { giveUp }] of this.#opening) if (!relays.includes(relay)) giveUp.abort()
    for (const [relay, stream] of this.#streams) if (!relays.includes(relay)) stream.close()
  }

  /** Sends the relay the home claim, if it is this member's home. @throws MeshError what signing the claim throws */
  async announceHome(relay: string): Promise<void> {
    const home = await this.#homeClaimFor(relay)
    if (home !== undefined) this.#streams.get(relay)?.send({ type: 'home', home })
  }

  /** The stream to a relay, if that accepts the health of agents. */
  healthStream(relay: string): Pick<MessageStream, 'send'> | undefined {
    const stream = this.#streams.get(relay)
    return stream !== undefined && this.#healthStreams.has(stream) ? stream : undefined
  }

  /** Ends the streams, and what was received before is in the map. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all([...this.#opening.values()].map(({ opened }) => opened))
    for (const stream of this.#streams.values()) stream.close()
    this.#streams.clear()
    await this.#receiving
  }

  async #open(link: Link, signal: AbortSignal): Promise<void> {
    const relay = link.peer.peerId
    const stream = await link.openStream(mapProtocol, { signal })
    const lease = this.#presence.from(relay)
    const watchdog = new StreamWatchdog(() => {
      this.#onSilent?.(relay)
      stream.abort(new MeshError('path_lost', 'Cannot follow the map: the stream is open and silent'))
    })
    const messages = messageStream({
      stream,
      schema: mapMessageSchema,
      maxBytes: mapMessageBytes,
      onBytes: () => watchdog.heard(),
      onMessage: (message, characters) => {
        if (message.type === 'head' && message.health === true) this.#healthStreams.add(messages)
        if (message.type === 'head' && message.beatMs !== undefined) watchdog.expectEach(message.beatMs)
        this.#take({ relay, lease }, message, characters)
      },
    })
    this.#streams.set(relay, messages)
    stream.onClose(() => {
      watchdog.stop()
      if (this.#streams.get(relay) === messages) this.#streams.delete(relay)
      lease.end()
      this.#reopenLater(relay)
    })
    const { cursor } = this.#map
    messages.send({ type: 'sync', ...(cursor === undefined ? {} : { since: cursor }) })
    await this.announceHome(relay)
  }

  #reopenLater(relay: string): void {
    if (this.#stopping.signal.aborted) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      const link = this.#linkTo(relay)
      if (link !== undefined) this.follow(link)
    }, timerDelay(this.#reopenMs))
    this.#timers.add(timer)
  }

  /** @throws MeshError overloaded when the relay sends faster than its changes can be verified */
  #take(from: Sender, message: MapMessage, characters: number): void {
    if (this.#waiting > maxWaiting)
      throw new MeshError('overloaded', `Cannot follow relay ${from.relay}: ${this.#waiting} characters wait`)
    this.#waiting += characters
    this.#receiving = this.#receiving.then(async () => {
      await this.#receive(from, message)
      this.#waiting -= characters
    })
  }

  async #receive({ relay, lease }: Sender, message: MapMessage): Promise<void> {
    if (this.#stopping.signal.aborted) return
    try {
      if (message.type === 'head') await this.#head.accept(message.head)
      else if (message.type === 'changes') await this.#map.apply(message.page)
      else if (message.type === 'restart') this.#map.restart()
      else lease.tell(message)
    } catch (error) {
      const facts = { relay, err: error }
      const text = 'refused what a relay said of the mesh'
      if (error instanceof MeshError && error.code === 'conflict')
        this.#log.debug({ event: 'map-message-stale', ...facts }, text)
      else this.#log.warn({ event: 'map-message-refused', ...facts }, text)
    }
  }
}

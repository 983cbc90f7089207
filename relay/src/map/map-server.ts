/** Serves the mirrored map to agents over `/agent-mesh/map/1.0.0` and learns which of them have their home here. */
import {
  encodeMessage,
  messageStream,
  type ByteStream,
  type HeadKeeper,
  type Link,
  type Logger,
  type MemberStore,
  type MeshMap,
} from '@agent-mesh/agent'
import {
  limits,
  mapRequestSchema,
  MeshError,
  toMeshError,
  type MapMessage,
  type MapRequest,
} from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { gatherMs, relayDefaults } from '../defaults.ts'
import type { HomedAgents } from '../presence/homed-agents.ts'
import type { HomedHealth } from '../presence/homed-health.ts'
import { PresenceFeed } from '../presence/presence-feed.ts'
import { MapFeed } from './map-feed.ts'
import { MapSubscriber } from './map-subscriber.ts'

export interface MapServerInit {
  head: HeadKeeper
  map: MeshMap
  store: MemberStore
  homed: HomedAgents
  health: Pick<HomedHealth, 'set' | 'remove'>
  log: Logger
  /** How often a follower gets a sign of life, ms. @default `mapBeatMs` */
  beatMs?: number | undefined
}

/** Longest request: the health of an agent with 32 services and 16 failing checks. */
const requestBytes = 8 * limits.recordBytes

export class MapServer {
  readonly #homed: HomedAgents
  readonly #health: MapServerInit['health']
  readonly #log: Logger
  readonly #subscribers = new Set<MapSubscriber>()
  readonly #stopListening: (() => void)[]

  readonly #presence: PresenceFeed
  readonly #feed: MapFeed
  readonly #encoded = new WeakMap<MapMessage, Uint8Array>()
  readonly #beat: NodeJS.Timeout
  #timer: NodeJS.Timeout | undefined

  constructor(init: MapServerInit) {
    this.#homed = init.homed
    this.#health = init.health
    this.#log = init.log
    this.#presence = new PresenceFeed({
      homed: init.homed,
      gatherMs: () => gatherMs(this.#subscribers.size),
      onStep: () => this.#pumpAll(),
    })
    const { beatMs = relayDefaults.mapBeatMs } = init
    this.#feed = new MapFeed({ ...init, presence: this.#presence, beatMs })
    const beatAll = () => this.#subscribers.forEach(subscriber => subscriber.beat())
    this.#beat = setInterval(beatAll, timerDelay(beatMs)).unref()
    // A head may revoke a member: it does not wait for others.
    this.#stopListening = [
      init.map.onChange(() => this.#pumpSoon()),
      init.head.onChange(() => this.#pumpAll()),
    ]
  }

  /** Agents that follow the map at this moment. */
  get subscribers(): number {
    return this.#subscribers.size
  }

  /** Handler of the protocol: only admitted members come here. */
  serve(stream: ByteStream, link: Link): void {
    let subscriber: MapSubscriber | undefined
    const messages = messageStream({
      stream,
      schema: mapRequestSchema,
      maxBytes: requestBytes,
      onMessage: request => {
        if (request.type === 'home') return this.#takeHome(request, stream, link)
        if (request.type === 'health') return this.#health.set(link.peer.peerId, request, stream)
        if (subscriber !== undefined)
          throw new MeshError('protocol_error', 'Cannot sync map: sync was sent twice')
        const send = (message: MapMessage) => stream.send(this.#bytesOf(message))
        subscriber = new MapSubscriber(this.#feed, send, request.since)
        this.#subscribers.add(subscriber)
        subscriber.pump()
      },
    })
    messages.onDrain(() => subscriber?.drained())
    stream.onClose(() => {
      if (subscriber !== undefined) this.#subscribers.delete(subscriber)
      this.#homed.remove(link.peer.peerId, stream)
      this.#health.remove(link.peer.peerId, stream)
    })
  }

  stop(): void {
    for (const stop of this.#stopListening) stop()
    clearTimeout(this.#timer)
    clearInterval(this.#beat)
    this.#presence.stop()
    this.#subscribers.clear()
  }

  #takeHome({ home }: Extract<MapRequest, { type: 'home' }>, stream: ByteStream, link: Link): void {
    this.#homed.add(home, link.peer.peerId, stream).catch((error: unknown) => {
      this.#log.warn(
        { event: 'home-claim-refused', peerId: link.peer.peerId, err: error },
        'refused a home claim',
      )
      stream.abort(toMeshError(error, 'protocol_error', 'take home claim'))
    })
  }

  /** Followers that are up to date get the same objects: each is encoded once. */
  #bytesOf(message: MapMessage): Uint8Array {
    const known = this.#encoded.get(message)
    if (known !== undefined) return known
    const bytes = encodeMessage(message)
    this.#encoded.set(message, bytes)
    return bytes
  }

  #pumpSoon(): void {
    this.#timer ??= setTimeout(() => this.#pumpAll(), timerDelay(gatherMs(this.#subscribers.size)))
  }

  #pumpAll(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const subscriber of this.#subscribers) subscriber.pump()
  }
}

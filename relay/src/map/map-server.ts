/** Serves the mirrored map to agents over `/agent-mesh/map/1.0.0` and learns which of them have their home here. */
import {
  messageStream,
  type ByteStream,
  type HeadKeeper,
  type Link,
  type Logger,
  type MemberStore,
  type MeshMap,
} from '@agent-mesh/agent'
import { limits, mapRequestSchema, MeshError, toMeshError, type MapRequest } from '@agent-mesh/protocol'
import type { HomedAgents } from '../presence/homed-agents.ts'
import { mapPageAfter } from './map-pages.ts'
import { MapSubscriber, type MapSource, type SendMessage } from './map-subscriber.ts'

export interface MapServerInit {
  head: HeadKeeper
  map: MeshMap
  store: MemberStore
  homed: HomedAgents
  log: Logger
}

/** Longest request: a sync with its cursor, or a home claim. */
const requestBytes = 2 * limits.recordBytes

export class MapServer {
  readonly #init: MapServerInit
  readonly #subscribers = new Set<MapSubscriber>()
  readonly #stopListening: (() => void)[]

  constructor(init: MapServerInit) {
    this.#init = init
    const pump = () => this.#pumpAll()
    this.#stopListening = [init.map.onChange(pump), init.head.onChange(pump), init.homed.onChange(pump)]
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
        if (subscriber !== undefined)
          throw new MeshError('protocol_error', 'Cannot sync map: sync was sent twice')
        subscriber = this.#subscribe(request.since, message => messages.send(message))
      },
    })
    messages.onDrain(() => subscriber?.drained())
    stream.onClose(() => {
      if (subscriber !== undefined) this.#subscribers.delete(subscriber)
      this.#init.homed.remove(link.peer.peerId, stream)
    })
  }

  stop(): void {
    for (const stop of this.#stopListening) stop()
    this.#subscribers.clear()
  }

  #subscribe(since: string | undefined, send: SendMessage) {
    const { head, map, store, homed } = this.#init
    const source: MapSource = {
      head: () => head.current.signed,
      pageAfter: cursor => mapPageAfter(store, map.cursor, cursor),
      homed: () => homed.peers(),
    }
    const subscriber = new MapSubscriber(source, send, since)
    this.#subscribers.add(subscriber)
    subscriber.pump()
    return subscriber
  }

  #takeHome({ home }: Extract<MapRequest, { type: 'home' }>, stream: ByteStream, link: Link): void {
    this.#init.homed.add(home, link.peer.peerId, stream).catch((error: unknown) => {
      this.#init.log.warn({ peerId: link.peer.peerId, err: error }, 'refused a home claim')
      stream.abort(toMeshError(error, 'protocol_error', 'take home claim'))
    })
  }

  #pumpAll(): void {
    for (const subscriber of this.#subscribers) subscriber.pump()
  }
}

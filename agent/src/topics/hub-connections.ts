/** Streams to hubs: to the home relay, and while none is linked to the agents of the mesh. */
import { MeshError, topicProtocol, toMeshError, type TopicFrame } from '@agent-mesh/protocol'
import type { StartTimer, Timer } from '@agent-mesh/protocol/timers'
import { atMost } from '../core/at-most.ts'
import { topicDefaults } from './defaults.ts'
import { FrameSender } from './frame-sender.ts'
import { readFrames } from './read-frames.ts'
import type { TopicLink, TopicNetwork } from './topic-network.ts'

export interface HubConnection {
  readonly peerId: string
  readonly link: TopicLink
  readonly sender: FrameSender
  close(): void
}

export interface HubConnectionsInit {
  network: TopicNetwork
  startTimer: StartTimer
  /** Whether anything is subscribed to, for which agents are asked where there is no relay. */
  wantsAgents: () => boolean
  /** Asks for what is subscribed to. @returns resolves when the hub has all of it */
  onOpen: (connection: HubConnection) => Promise<void>
  onFrame: (connection: HubConnection, frame: TopicFrame, bodies: Uint8Array) => void
  onFailed: (peerId: string, error: MeshError) => void
}

export class HubConnections {
  readonly #init: HubConnectionsInit
  readonly #open = new Map<string, HubConnection>()
  readonly #opening = new Map<string, Promise<void>>()
  /** Streams whose hub may not have all subscriptions yet, each with the one before to the same hub. */
  readonly #asking = new Map<HubConnection, HubConnection | undefined>()
  /** Members of versions without topics, with the link that showed it: after an upgrade they have another. */
  readonly #without = new Map<string, TopicLink>()
  /** Peers that could not be reached, with the link there was: they rest, unless they have another. */
  readonly #resting = new Map<string, TopicLink | undefined>()
  readonly #stopping = new AbortController()
  readonly #stopListening: () => void
  #timer: Timer | undefined
  #restTimer: Timer | undefined

  constructor(init: HubConnectionsInit) {
    this.#init = init
    this.#stopListening = init.network.onChange(() => this.update())
  }

  /** The relay that is used: linked, and with topics. */
  get relay(): string | undefined {
    return this.#init.network.relays().find(peerId => !this.#lacksTopics(peerId))
  }

  /** The stream to the relay that is used, when it is open. */
  get home(): HubConnection | undefined {
    const { relay } = this
    return relay === undefined ? undefined : this.#open.get(relay)
  }

  all(): Iterable<HubConnection> {
    return this.#open.values()
  }

  /** Resolves when the streams that are wanted now are open, or failed. Never rejects. */
  async settled(): Promise<void> {
    this.update()
    await Promise.all(this.#opening.values())
  }

  /** Opens what is wanted and closes what is not. */
  update(): void {
    if (this.#stopping.signal.aborted) return
    const wanted = this.#wanted()
    for (const peerId of wanted) this.#want(peerId)
    // The stream to the last hub stays until the next one has the subscriptions: messages come over both, and count once.
    if (wanted.some(peerId => this.#opening.has(peerId)) || this.#asking.size > 0) return
    for (const [peerId, connection] of this.#open) if (!wanted.includes(peerId)) connection.close()
  }

  async stop(): Promise<void> {
    this.#stopListening()
    this.#stopping.abort()
    this.#timer?.cancel()
    this.#restTimer?.cancel()
    await Promise.all(this.#opening.values())
    for (const before of this.#asking.values()) before?.close()
    for (const connection of this.#open.values()) connection.close()
  }

  #wanted(): string[] {
    const { network, wantsAgents } = this.#init
    const { relay } = this
    if (relay !== undefined) return [relay]
    if (!wantsAgents()) return []
    const agents = network.agents().filter(peerId => !this.#lacksTopics(peerId))
    // A stream on a link that is there costs next to nothing: publishers open links to those that did not dial them.
    const linked = agents.filter(peerId => network.linked(peerId) !== undefined)
    const others = agents.filter(peerId => !linked.includes(peerId))
    return [...linked, ...others.slice(0, Math.max(0, topicDefaults.directAgents - linked.length))]
  }

  #lacksTopics(peerId: string): boolean {
    const refused = this.#without.get(peerId)
    return refused !== undefined && (this.#init.network.linked(peerId) ?? refused) === refused
  }

  #want(peerId: string): void {
    if (this.#opening.has(peerId)) return
    const known = this.#open.get(peerId)
    const best = this.#init.network.linked(peerId)
    if (this.#resting.has(peerId) && this.#resting.get(peerId) === best) return
    if (known !== undefined && (best === undefined || best === known.link || best.state !== 'up')) return
    const opening = this.#connect(peerId)
      .catch((error: unknown) => this.#failed(peerId, error))
      .finally(() => {
        this.#opening.delete(peerId)
        this.update()
      })
    this.#opening.set(peerId, opening)
  }

  async #connect(peerId: string): Promise<void> {
    const { signal } = this.#stopping
    const { network, onFrame, onOpen } = this.#init
    const link = network.linked(peerId) ?? (await network.link(peerId, signal))
    const stream = await link.openStream(topicProtocol, { signal })
    const sender = new FrameSender(stream)
    const connection = { peerId, link, sender, close: () => stream.close() }
    readFrames(stream, (frame, bodies) => onFrame(connection, frame, bodies))
    stream.onClose(() => {
      sender.stop()
      this.#asked(connection)
      if (this.#open.get(peerId) !== connection) return
      this.#open.delete(peerId)
      this.#updateIn(topicDefaults.reopenMs)
    })
    const before = this.#open.get(peerId)
    this.#open.set(peerId, connection)
    this.#asking.set(connection, before)
    const asked = atMost(topicDefaults.relayMs, onOpen(connection), this.#init.startTimer)
    void asked.then(() => this.#asked(connection))
  }

  /** Its hub has the subscriptions, or has gone. */
  #asked(connection: HubConnection): void {
    const before = this.#asking.get(connection)
    if (!this.#asking.delete(connection)) return
    before?.close()
    this.update()
  }

  #failed(peerId: string, thrown: unknown): void {
    const error = toMeshError(thrown, 'unavailable', `reach ${peerId} for topics`)
    if (this.#stopping.signal.aborted) return
    const link = this.#init.network.linked(peerId)
    if (error.code === 'unsupported' && link !== undefined) this.#without.set(peerId, link)
    this.#init.onFailed(peerId, error)
    this.#resting.set(peerId, link)
    this.#restTimer ??= this.#init.startTimer(topicDefaults.retryMs, () => {
      this.#restTimer = undefined
      this.#resting.clear()
      this.update()
    })
  }

  #updateIn(ms: number): void {
    this.#timer ??= this.#init.startTimer(ms, () => {
      this.#timer = undefined
      this.update()
    })
  }
}

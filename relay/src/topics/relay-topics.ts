/**
 * Topics at a relay: the hub of the agents homed here, and streams to the relays around. Each relay tells what its agents subscribed
 * to; a publication goes to the relays that have subscribers, one copy to each neighbour on the way.
 */
import {
  topicDefaults,
  TopicHub,
  FrameSender,
  readFrames,
  serveAgent,
  type ReadPublication,
  type RelayShare,
  type RemoteHubs,
} from '@agent-mesh/agent/topics/hub/index'
import type { ByteStream, Link, Logger, Transport } from '@agent-mesh/agent'
import {
  MeshError,
  readPublication,
  reservedTopics,
  topicLimits,
  topicProtocol,
  type TopicFrame,
  type TopicFrameOf,
} from '@agent-mesh/protocol'
import { timerDelay } from '@agent-mesh/protocol/timers'
import { ForwardLosses, type ForwardLost } from './forward-losses.ts'
import { RelayInterests, type Interest } from './relay-interests.ts'

/** A relay whose stream was refused or has ended is asked again after this, while it is linked. */
const { retryMs, reopenMs } = topicDefaults

export interface RelayTopicsInit {
  self: string
  mesh: string
  transport: Pick<Transport, 'links'>
  /** Whether the mesh has this relay. */
  isRelay: (peerId: string) => boolean
  hub: Pick<ConstructorParameters<typeof TopicHub>[0], 'authorize' | 'allows' | 'now' | 'onLost'>
  log: Logger
}

interface Neighbour {
  readonly stream: ByteStream
  readonly sender: FrameSender
  readonly losses: ForwardLosses
}

export class RelayTopics implements RemoteHubs {
  readonly #init: RelayTopicsInit
  readonly #hub: TopicHub
  readonly #interests = new RelayInterests()
  readonly #neighbours = new Map<string, Neighbour>()
  readonly #opening = new Map<string, Promise<void>>()
  readonly #retries = new Map<string, NodeJS.Timeout>()
  readonly #stopping = new AbortController()
  readonly #stops: (() => void)[]
  readonly #epoch: number
  #seq = 0
  #scheduled = false

  constructor(init: RelayTopicsInit) {
    this.#init = init
    this.#epoch = init.hub.now()
    this.#hub = new TopicHub({ ...init.hub, mesh: init.mesh, remote: this })
    const { links } = init.transport
    this.#stops = [
      links.onUp(({ peer }) => this.#connect(peer.peerId)),
      links.onDown(({ peer }) => this.#connect(peer.peerId)),
    ]
    for (const peerId of links.peers()) this.#connect(peerId)
  }

  serve(stream: ByteStream, { peer }: Link): void {
    const { peerId } = peer
    const { isRelay, log } = this.#init
    serveAgent({
      ...{ hub: this.#hub, stream, peer },
      onRefused: err => log.debug({ event: 'topic-frame-refused', err, peerId }, 'refused a topic frame'),
      ...(peer.credential.roles.includes('relay') &&
        isRelay(peerId) && {
          onRelayFrame: (frame: TopicFrame, bodies: Uint8Array, sender: FrameSender) => {
            if (frame.type === 'interest') this.#told(frame, peerId)
            else if (frame.type === 'forward') return this.#pass(frame, bodies, sender)
            else if (frame.type === 'forward-lost') this.#missed(frame)
          },
        }),
    })
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops) stop()
    this.#stopping.abort()
    for (const timer of this.#retries.values()) clearTimeout(timer)
    await Promise.all(this.#opening.values())
    for (const { stream } of this.#neighbours.values()) stream.close()
  }

  plainFor(topic: string): string[] {
    return this.#interests.plainFor(topic)
  }

  groupsFor(topic: string): Map<string, { relay: string; members: number }[]> {
    return this.#interests.groupsFor(topic)
  }

  all(): string[] {
    return this.#interests.relays()
  }

  /** Several changes of a tick are sent together. */
  changed(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#seq++
      const own = this.#own()
      for (const { sender } of this.#neighbours.values()) sender.send(own)
    })
  }

  forward(publication: ReadPublication, to: ReadonlyMap<string, RelayShare>, acks: boolean): void {
    this.#send(publication, to, acks, topicLimits.hops)
  }

  #send(
    { jws, bodies, claims }: ReadPublication,
    to: ReadonlyMap<string, RelayShare>,
    acks: boolean,
    hops: number,
  ): void {
    const count = claims.sizes.length
    for (const [{ sender, losses }, shares] of this.#ways(to)) {
      // Sent before the next one, as `lost` to a subscriber; relays of the version before skip it.
      for (const lost of losses.take(topicLimits.hops)) sender.send(lost)
      sender.publish({ type: 'forward', jws, acks, hops, to: shares }, bodies, () => {
        this.#init.hub.onLost(count)
        losses.dropped(claims.topic, count, { to: shares })
      })
    }
  }

  /** Neighbours on the way to these relays, each with what is for those behind it. */
  #ways<Share>(to: Iterable<[string, Share]>): Map<Neighbour, Record<string, Share>> {
    const ways = new Map<Neighbour, Record<string, Share>>()
    for (const [relay, share] of to) {
      const next = this.#interests.towards(relay).find(peerId => this.#neighbours.has(peerId))
      const neighbour = next === undefined ? undefined : this.#neighbours.get(next)
      if (neighbour !== undefined) ways.set(neighbour, { ...ways.get(neighbour), [relay]: share })
    }
    return ways
  }

  /** A neighbour dropped messages for the agents here, or for relays behind this one. */
  #missed({ topic, to, hops }: ForwardLost): void {
    const { [this.#init.self]: own, ...others } = to
    if (own !== undefined) this.#hub.missed(topic, own)
    if (hops === 0) return
    for (const [{ sender }, counts] of this.#ways(Object.entries(others)))
      sender.send({ type: 'forward-lost', topic, hops: hops - 1, to: counts })
  }

  async #pass(
    { jws, acks, hops, to }: TopicFrameOf<'forward'>,
    bodies: Uint8Array,
    from: FrameSender,
  ): Promise<void> {
    const publication = { jws, bodies, ...readPublication({ jws, bodies }) }
    const { [this.#init.self]: own, ...others } = to
    if (own !== undefined)
      await this.#hub.forwarded(publication, own, { acks, onConfirm: confirm => from.send(confirm) })
    if (Object.keys(others).length > 0 && hops > 0)
      this.#send(publication, new Map(Object.entries(others)), acks, hops - 1)
  }

  #told(interest: Interest, neighbour: string): void {
    const { self, isRelay } = this.#init
    if (interest.relay === self || !isRelay(interest.relay)) return
    const isFirst = !this.#interests.relays().includes(interest.relay)
    if (!this.#interests.tell(interest, neighbour)) return
    if (isFirst) this.#sendRetained(interest.relay)
    for (const [peerId, { sender }] of this.#neighbours) if (peerId !== neighbour) sender.send(interest)
  }

  /** What the agents here subscribed to. */
  #own(): Interest {
    const patterns = new Set<string>()
    const groups = new Map<string, Interest['groups'][number]>()
    for (const subscriber of this.#hub.subscribers)
      for (const { pattern, group } of subscriber.subscriptions) {
        if (group === undefined) patterns.add(pattern)
        else {
          const key = `${pattern} ${group}`
          groups.set(key, { pattern, group, members: (groups.get(key)?.members ?? 0) + 1 })
        }
      }
    const named = patterns.size > topicLimits.interests ? ['*', reservedTopics] : [...patterns]
    const shared = [...groups.values()].slice(0, topicLimits.interests)
    return {
      ...{ type: 'interest', relay: this.#init.self, epoch: this.#epoch, seq: this.#seq },
      ...{ patterns: named, groups: shared },
    }
  }

  /** Keeps one stream to each relay that is linked. */
  #connect(peerId: string): void {
    const { isRelay, transport, log } = this.#init
    const link = transport.links.best(peerId)
    if (link === undefined || !isRelay(peerId) || this.#stopping.signal.aborted) return
    if (this.#neighbours.has(peerId) || this.#opening.has(peerId)) return
    const opening = this.#open(peerId, link)
      .catch((err: unknown) => {
        log.debug({ event: 'topic-relay-unreachable', err, peerId }, 'no stream for topics to a relay')
        // A relay of a version without topics is asked again with its next link.
        if (!(err instanceof MeshError && err.code === 'unsupported')) this.#connectIn(peerId, retryMs)
      })
      .finally(() => this.#opening.delete(peerId))
    this.#opening.set(peerId, opening)
  }

  /** Without an event of its link: that may last for days. */
  #connectIn(peerId: string, ms: number): void {
    if (this.#stopping.signal.aborted || this.#retries.has(peerId)) return
    const timer = setTimeout(() => {
      this.#retries.delete(peerId)
      this.#connect(peerId)
    }, timerDelay(ms))
    this.#retries.set(peerId, timer)
  }

  async #open(peerId: string, link: Link): Promise<void> {
    const stream = await link.openStream(topicProtocol, { signal: this.#stopping.signal })
    const sender = new FrameSender(stream)
    this.#neighbours.set(peerId, { stream, sender, losses: new ForwardLosses() })
    readFrames(stream, frame => {
      if (frame.type === 'confirm') this.#hub.confirm(frame)
    })
    stream.onClose(() => {
      sender.stop()
      this.#neighbours.delete(peerId)
      this.#interests.drop(peerId)
      this.#connectIn(peerId, reopenMs)
    })
    sender.send(this.#own())
    for (const interest of this.#interests.all()) if (interest.relay !== peerId) sender.send(interest)
  }

  /** A relay that was not there before lacks the last values. */
  #sendRetained(relay: string): void {
    const to = new Map([[relay, { plain: false }]])
    for (const value of this.#hub.retained) this.#send(value, to, false, topicLimits.hops)
  }
}

/** Topics of a relay, loaded when a member first uses them here. */
export class LazyRelayTopics {
  readonly #init: RelayTopicsInit
  #topics: RelayTopics | undefined

  constructor(init: RelayTopicsInit) {
    this.#init = init
  }

  readonly serve = (stream: ByteStream, link: Link): void => {
    this.#topics ??= new RelayTopics(this.#init)
    this.#topics.serve(stream, link)
  }

  async stop(): Promise<void> {
    await this.#topics?.stop()
  }
}

/** Publishing and subscribing of an agent: through its home relay, and while none is linked with each agent directly. At most once. */
import { MeshError, TopicFrameReader, type Signer, type Subject, type TopicFrame } from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import { startTimer, type StartTimer, type Timer } from '@agent-mesh/protocol/timers'
import { atMost } from '../core/at-most.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import type { Logger } from '../observe/logger.ts'
import type { Tracing } from '../observe/tracing.ts'
import type { TopicContract } from './contract.ts'
import { topicDefaults } from './defaults.ts'
import { checkAcks, encoded } from './encode-message.ts'
import { tracedPublish } from './traced-publish.ts'
import { HubConnections, type HubConnection } from './hub-connections.ts'
import type { ReadPublication } from './hub/retained-values.ts'
import { serveAgent, type StreamPeer } from './hub/serve-agent.ts'
import { Subscriber } from './hub/subscriber.ts'
import { TopicHub } from './hub/topic-hub.ts'
import { Inbox } from './inbox.ts'
import { Publisher } from './publisher.ts'
import { ReachSubscribers } from './reach-subscribers.ts'
import {
  checkPublishOptions,
  checkSubscribeOptions,
  type Published,
  type PublishOptions,
  type SubscribeOptions,
} from './subscribe-options.ts'
import { Subscription } from './subscription.ts'
import { patternOf } from './topic-pattern.ts'
import type { TopicNetwork } from './topic-network.ts'

/** What happened to messages, for metrics. */
export type TopicEvent = 'published' | 'delivered' | 'lost' | 'forged' | 'denied' | 'replayed' | 'unfit'

export interface TopicsInit {
  mesh: string
  self: string
  signer: Signer
  network: TopicNetwork
  /** The credential of this member. */
  subject: () => Subject
  /** That of another, if it is known and in force. */
  subjectOf: (peerId: string) => Subject | undefined
  untilKnown: (peerId: string, ms: number) => Promise<void>
  authorize: (question: { from: Subject; action: 'publish' | 'subscribe'; to: string }) => void
  allows: (from: Subject, target: string, action: 'publish' | 'subscribe') => boolean
  /** Unix ms. */
  now: () => number
  /** Of the clock that pauses and limits are measured by. @default that of the process */
  startTimer?: StartTimer
  tracing: Tracing | undefined
  onEvent: (event: TopicEvent, count: number) => void
  log: Pick<Logger, 'warn' | 'debug' | 'error'>
}

export class Topics {
  readonly #init: TopicsInit
  readonly #hub: TopicHub
  readonly #own: Subscriber
  readonly #inbox: Inbox
  readonly #publisher: Publisher
  readonly #connections: HubConnections
  readonly #reach: ReachSubscribers
  readonly #startTimer: StartTimer
  readonly #retries = new Set<Timer>()
  /** Answers of hubs to subscriptions, by hub and subscription. */
  readonly #answers = new Map<string, PromiseWithResolvers<void>>()
  #nextId = 1
  #waitedForRelay = false

  constructor(init: TopicsInit) {
    this.#init = init
    const start = (this.#startTimer = init.startTimer ?? startTimer)
    const { mesh, signer, now, onEvent, log, network, allows, tracing } = init
    this.#hub = new TopicHub({
      ...{ mesh, now },
      authorize: init.authorize,
      allows: (from, action, to) => allows(from, to, action),
      onLost: count => onEvent('lost', count),
    })
    this.#inbox = new Inbox({
      ...{ mesh, now, tracing },
      subjectOf: peerId => (peerId === init.self ? init.subject() : init.subjectOf(peerId)),
      untilKnown: init.untilKnown,
      allows: (publisher, topic) =>
        allows(publisher, `topic:${topic}`, 'publish') &&
        allows(init.subject(), `topic:${topic}`, 'subscribe'),
      onRefused: (reason, publisher, err) => {
        onEvent(reason, 1)
        log.debug({ event: 'topic-message-refused', reason, publisher, err }, 'refused a message of a topic')
      },
      onDelivered: count => onEvent('delivered', count),
    })
    this.#own = new Subscriber({ peerId: init.self, subject: init.subject, sink: this.#ownSink() })
    this.#publisher = new Publisher({
      ...{ mesh, signer, now, startTimer: start },
      deliver: (publication, acks) => this.#deliver(publication, acks),
    })
    this.#reach = new ReachSubscribers(network, () => performance.now())
    this.#connections = new HubConnections({
      ...{ network, startTimer: start },
      wantsAgents: () => this.#inbox.readers.size > 0,
      onOpen: async connection => {
        const all = [...this.#inbox.readers.values()]
        for (const { subscription } of all) this.#ask(connection, subscription)
        await Promise.all(all.map(({ subscription }) => this.#answer(connection, subscription.id)))
      },
      onFrame: (connection, frame, bodies) => this.#take(connection, frame, bodies),
      onFailed: (peerId, err) =>
        log.debug({ event: 'topic-stream-not-opened', peerId, err }, 'no stream for topics'),
    })
  }

  /** Serves an agent without a relay that subscribes here. */
  serve(stream: ByteStream, peer: StreamPeer): void {
    const onRefused = (err: MeshError) =>
      this.#init.log.debug({ event: 'topic-frame-refused', err, peer: peer.peerId }, 'refused a topic frame')
    serveAgent({ hub: this.#hub, stream, peer, onRefused })
  }

  /** @throws MeshError permission_denied, invalid_argument, too_large, overloaded, going_away */
  async publish(
    topic: string | TopicContract,
    message: unknown,
    options: PublishOptions = {},
  ): Promise<Published> {
    const contract = typeof topic === 'string' ? undefined : topic
    const name = typeof topic === 'string' ? topic : topic.name
    checkPublishOptions(options, name)
    const { retain, acks = 0, timeout = topicDefaults.ackMs } = options
    checkAcks(acks, name)
    checkDuration(timeout, `publish to ${name}`)
    const body = await encoded(contract, name, message)
    this.#init.authorize({ from: this.#init.subject(), action: 'publish', to: `topic:${name}` })
    const version = contract?.version ?? 1
    const keeps = retain ?? contract?.retain ?? false
    this.#init.onEvent('published', 1)
    const outgoing = { topic: name, version, body, retain: keeps, acks, timeout }
    return tracedPublish(this.#init.tracing, name, async trace => ({
      acks: await this.#publisher.publish({ ...outgoing, trace }),
    }))
  }

  /** @throws MeshError permission_denied, invalid_argument, overloaded */
  subscribe(topic: string | TopicContract, options: SubscribeOptions = {}): Subscription {
    const pattern = patternOf(topic)
    checkSubscribeOptions(options, pattern.pattern)
    const { group, buffer = topicDefaults.buffer, retained = true, onMessage, signal } = options
    const id = this.#nextId++
    const subscription: Subscription = new Subscription({
      ...{ id, pattern, group, buffer },
      retained: retained && group === undefined,
      onLost: count => this.#init.onEvent('lost', count),
      onClose: () => this.#closed(subscription),
    })
    // Asks the policy and the bound; without a relay the own hub is one of those that serve it.
    this.#hub.subscribe(this.#own, subscribeFrame(subscription))
    this.#inbox.add({ subscription, schema: pattern.schema })
    for (const connection of this.#connections.all()) this.#ask(connection, subscription)
    subscription.ready = this.#subscribed(subscription)
    signal?.addEventListener('abort', () => subscription.close(), { once: true })
    if (signal?.aborted === true) subscription.close()
    if (onMessage !== undefined)
      void subscription.handle(onMessage, (err, topic) =>
        this.#init.log.error({ event: 'topic-handler-failed', err, topic }, 'a handler of a topic failed'),
      )
    return subscription
  }

  async stop(): Promise<void> {
    for (const timer of this.#retries) timer.cancel()
    for (const { subscription } of [...this.#inbox.readers.values()]) subscription.close()
    await this.#publisher.stop()
    await this.#reach.stop()
    await this.#connections.stop()
  }

  /** Resolves when the hubs there are have answered, or were given the time. */
  async #subscribed({ id }: Subscription): Promise<void> {
    await this.#relayOrNone()
    await this.#atMost(topicDefaults.relayMs, this.#connections.settled())
    const asked = [...this.#connections.all()].map(connection => this.#answer(connection, id))
    await this.#atMost(topicDefaults.relayMs, Promise.all(asked))
  }

  #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    return atMost(ms, work, this.#startTimer)
  }

  #answer({ peerId }: HubConnection, id: number): Promise<void> {
    return this.#answerOf(peerId, id).promise
  }

  #answerOf(peerId: string, id: number): PromiseWithResolvers<void> {
    const key = `${peerId} ${id}`
    const known = this.#answers.get(key) ?? Promise.withResolvers<void>()
    this.#answers.set(key, known)
    return known
  }

  /** Right after a start no relay is linked, though the mesh has some. */
  async #relayOrNone(): Promise<void> {
    const { network } = this.#init
    const isLinked = network.relays().length > 0
    if (isLinked) this.#waitedForRelay = false
    if (isLinked || this.#waitedForRelay || !network.hasRelays()) return
    const linked = Promise.withResolvers<void>()
    const stop = network.onChange(() => {
      if (network.relays().length > 0) linked.resolve()
    })
    await this.#atMost(topicDefaults.relayMs, linked.promise).finally(stop)
    this.#waitedForRelay = true
  }

  #ask({ sender, peerId }: HubConnection, subscription: Subscription): void {
    const key = `${peerId} ${subscription.id}`
    const earlier = this.#answers.get(key)
    this.#answers.delete(key)
    // What waits for an answer over an earlier stream, or after a refusal, waits for this one.
    void this.#answerOf(peerId, subscription.id).promise.then(earlier?.resolve)
    sender.send(subscribeFrame(subscription))
  }

  #closed({ id }: Subscription): void {
    this.#inbox.remove(id)
    this.#hub.unsubscribe(this.#own, id)
    for (const { sender } of this.#connections.all()) sender.send({ type: 'unsubscribe', id })
    for (const [key, answer] of this.#answers) {
      if (!key.endsWith(` ${id}`)) continue
      answer.resolve()
      this.#answers.delete(key)
    }
  }

  #take(connection: HubConnection, frame: TopicFrame, bodies: Uint8Array): void {
    if (frame.type === 'subscribed') this.#answerOf(connection.peerId, frame.id).resolve()
    else if (frame.type === 'confirm') this.#publisher.confirmed(frame)
    else if (frame.type === 'refused') this.#refused(connection, frame)
    else this.#inbox.receive(frame, bodies, confirm => connection.sender.send(confirm))
  }

  /** A hub may know an older policy than this member does, or a newer one: it is asked again. */
  #refused(connection: HubConnection, frame: Extract<TopicFrame, { type: 'refused' }>): void {
    const { code, message, id } = frame
    this.#init.log.warn(
      { event: 'topic-refused', code, message, hub: connection.peerId },
      'a hub refused a subscription or a message',
    )
    if (id === undefined) return
    const timer = this.#startTimer(topicDefaults.retryMs, () => {
      this.#retries.delete(timer)
      const reader = this.#inbox.readers.get(id)
      if (reader !== undefined && [...this.#connections.all()].includes(connection))
        this.#ask(connection, reader.subscription)
    })
    this.#retries.add(timer)
  }

  /** To agents that subscribed here, then to the relay; without a relay to the own subscriptions, too. */
  async #deliver(publication: ReadPublication, acks: boolean): Promise<void> {
    await this.#relayOrNone()
    if (this.#connections.relay !== undefined) await this.#connections.settled()
    const { home } = this.#connections
    // A relay serves the own subscriptions, too.
    const except = home === undefined ? undefined : this.#own
    const onConfirm = (confirm: Parameters<Publisher['confirmed']>[0]) => this.#publisher.confirmed(confirm)
    const served = await this.#hub.publish(publication, this.#init.subject(), { acks, onConfirm, except })
    if (home === undefined) return this.#reach.reach()
    const { jws, bodies } = publication
    home.sender.send({ type: 'publish', jws, acks, served }, bodies)
    await home.sender.room()
  }

  #ownSink() {
    const onFrame = ({ frame, bodies }: { frame: TopicFrame; bodies: Uint8Array }) =>
      this.#inbox.receive(frame, bodies, confirm => this.#hub.confirm(confirm))
    return {
      send: () => undefined,
      offer: (pieces: readonly Uint8Array[]) => {
        const reader = new TopicFrameReader()
        for (const piece of pieces) reader.push(piece).forEach(onFrame)
      },
    }
  }
}

const subscribeFrame = ({ id, pattern, group, retained }: Subscription) => ({
  ...{ type: 'subscribe' as const, id, pattern, retained },
  ...(group !== undefined && { group }),
})

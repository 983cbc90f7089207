/** What a member of a test mesh serves, and its end: by the registry, the policy, the limits and the turns of real members. */
import { invalidationTopic, MeshError, version, type Subject } from '@agent-mesh/protocol'
import { allowedBy, authorizeBy, callsAllowedBy } from '../member/authorize.ts'
import { policyAndOwner } from '../member/owners-list.ts'
import type { ByteStream } from '../core/byte-stream.ts'
import { TurnQueue, type BodyExchange, type OnRequest, type RpcLink, type TimerWheel } from '../rpc/index.ts'
import {
  describeServices,
  Dispatcher,
  hostHandlers,
  hostService,
  localCallee,
  MethodLimiter,
  notServed,
  ServiceRegistry,
  type HandlerFailure,
} from '../services/index.ts'
import type { LazyTopics } from '../topics/lazy-topics.ts'
import { memoryIdentity } from './memory-identity.ts'
import type { TakePipe } from './memory-end.ts'
import type { MemoryLinks } from './memory-links.ts'
import { MemoryPipes } from './memory-pipes.ts'
import type { KnownMember, SharedKnowledge } from './memory-targets.ts'
import { memoryTopics } from './memory-topics.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What the mesh says of a member. */
export interface MemberOptions {
  /** Roles that the policy grants to. @default ['agent'] */
  readonly roles?: readonly string[]
  readonly tags?: readonly string[]
  readonly region?: string
  readonly zone?: string
}

export interface MemoryMemberInit {
  readonly name: string
  readonly options: MemberOptions
  readonly known: SharedKnowledge
  readonly links: MemoryLinks
  readonly time: VirtualTime
  readonly wheel: TimerWheel
  /** A handler threw something of which its caller learns the id alone. */
  readonly onFailure: (failure: HandlerFailure) => void
  /** A handler of a subscription threw this. */
  readonly onTopicFailure: (topic: string, thrown: unknown) => void
}

export class MemoryMember implements KnownMember {
  readonly name: string
  readonly subject: Subject
  readonly region: string | undefined
  readonly zone: string | undefined
  readonly registry = new ServiceRegistry()
  readonly dispatcher: Dispatcher
  readonly turns: TurnQueue
  readonly piping: MemoryPipes
  readonly takePipe: TakePipe
  readonly topics: LazyTopics
  /** The own services as a link. */
  readonly local: RpcLink
  online = true
  refusal: 'stopping' | 'killed' | undefined = undefined
  ended = false
  readonly #known: SharedKnowledge
  readonly #links: MemoryLinks
  readonly #allows: (from: Subject, target: string, action?: 'publish' | 'subscribe') => boolean

  constructor(init: MemoryMemberInit) {
    const { name, options, known, links, time, wheel, onFailure, onTopicFailure } = init
    const { roles = ['agent'], tags = [], region, zone } = options
    this.name = name
    this.region = region
    this.zone = zone
    this.#known = known
    this.#links = links
    const identity = memoryIdentity(name)
    this.subject = { sub: identity.peerId, name, roles: [...roles], tags: [...tags] }
    this.turns = new TurnQueue(wheel)
    const { registry } = this
    const now = () => time.now()
    const judge = policyAndOwner(authorizeBy(known))
    const allows = allowedBy(judge)
    const served = { registry, allows: callsAllowedBy(allows) }
    this.#allows = allows
    const { startTimer } = time
    this.piping = new MemoryPipes({ self: this, known, links, time, authorize: judge })
    this.takePipe = this.piping.take
    this.dispatcher = new Dispatcher({
      ...{ registry, now, onFailure },
      authorize: judge,
      transfers: this.piping.transfers,
      limiter: new MethodLimiter({ now, startTimer }),
      notServed: notServed({ ...served, self: () => name }),
    })
    const host = { version, diskPath: '.', pathTo, describe: describeServices(served) }
    registry.serve(hostService, hostHandlers(host))
    const joined = known.members.size
    const publishing = { self: this, identity, known, links, time, joined, onFailure: onTopicFailure }
    this.topics = memoryTopics({ ...publishing, authorize: judge, allows })
    const bodies = this.piping.served.bodiesToItself()
    this.local = localCallee(this.handlerFor(this.subject), { wheel, turns: this.turns, bodies })
  }

  get bodies(): BodyExchange {
    return this.piping.bodies
  }

  get peerId(): string {
    return this.subject.sub
  }

  takeTopics(stream: ByteStream, from: Subject): void {
    this.topics.serve(stream, { peerId: from.sub, credential: from })
  }

  /** Whether the policy lets it call `service:math.add`. */
  allows(target: string): boolean {
    return this.#allows(this.subject, target)
  }

  /** Whether the policy lets it hear of answers that `publisher` dropped. */
  hears(publisher: Subject): boolean {
    const topic = `topic:${invalidationTopic}`
    return this.#allows(publisher, topic, 'publish') && this.#allows(this.subject, topic, 'subscribe')
  }

  handlerFor(caller: Subject): OnRequest {
    return this.dispatcher.handlerFor(caller)
  }

  /** Takes no new work, lets what runs end within `drainMs`, and is gone. */
  async leave(drainMs: number): Promise<void> {
    this.refusal ??= 'stopping'
    this.#offline()
    const { served } = this.piping
    const ends = this.#links.of(this)
    const calls = [this.local, ...ends.map(({ rpc }) => rpc)]
    await Promise.all([...calls.map(link => link.goAway(drainMs)), served.drain(drainMs)])
    this.ended = true
    await this.topics.stop()
    served.close()
    for (const end of [this.local, ...ends]) end.close()
  }

  /** Its process ends between two instructions: its links break, without a message. */
  kill(): void {
    this.refusal = 'killed'
    this.ended = true
    this.#links.breakAll(this)
    this.piping.served.close()
    void this.topics.stop()
    this.local.abort(new MeshError('cancelled', `Cannot call: ${this.name} is killed`))
  }

  /** The others have noticed that it is killed. */
  missed(): void {
    this.#offline()
  }

  #offline(): void {
    this.online = false
    this.#known.changed.emit()
  }
}

const pathTo = (member: string): never => {
  throw new MeshError('unsupported', `Cannot find the path to ${member}: links of a test mesh have none`)
}

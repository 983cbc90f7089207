/** What a member of a test mesh serves, and its end: by the registry, the policy, the limits and the turns of real members. */
import { invalidationTopic, MeshError, version, type Subject } from '@agent-mesh/protocol'
import { createHash } from 'node:crypto'
import { allowedBy, authorizeBy } from '../member/authorize.ts'
import { TurnQueue, type OnRequest, type RpcLink, type TimerWheel } from '../rpc/index.ts'
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
import type { MemoryLinks } from './memory-links.ts'
import type { KnownMember, SharedKnowledge } from './memory-targets.ts'
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
}

export class MemoryMember implements KnownMember {
  readonly name: string
  readonly subject: Subject
  readonly region: string | undefined
  readonly zone: string | undefined
  readonly registry = new ServiceRegistry()
  readonly dispatcher: Dispatcher
  readonly turns: TurnQueue
  /** The own services as a link. */
  readonly local: RpcLink
  online = true
  refusal: 'stopping' | 'killed' | undefined = undefined
  ended = false
  readonly #known: SharedKnowledge
  readonly #links: MemoryLinks
  readonly #allows: (from: Subject, target: string, action?: 'publish' | 'subscribe') => boolean

  constructor({ name, options, known, links, time, wheel, onFailure }: MemoryMemberInit) {
    const { roles = ['agent'], tags = [], region, zone } = options
    this.name = name
    this.region = region
    this.zone = zone
    this.#known = known
    this.#links = links
    this.subject = { sub: peerIdOf(name), name, roles: [...roles], tags: [...tags] }
    this.turns = new TurnQueue(wheel)
    const { registry } = this
    const now = () => time.now()
    const judge = authorizeBy(known)
    const served = { registry, allows: allowedBy(judge) }
    this.#allows = served.allows
    const { startTimer } = time
    this.dispatcher = new Dispatcher({
      ...{ registry, now, onFailure },
      authorize: judge,
      limiter: new MethodLimiter({ now, startTimer }),
      notServed: notServed({ ...served, self: () => name }),
    })
    const host = { version, diskPath: '.', pathTo, describe: describeServices(served) }
    registry.serve(hostService, hostHandlers(host))
    this.local = localCallee(this.handlerFor(this.subject), { wheel, turns: this.turns })
  }

  get peerId(): string {
    return this.subject.sub
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
    const links = [this.local, ...this.#links.of(this)]
    await Promise.all(links.map(link => link.goAway(drainMs)))
    this.ended = true
    for (const link of links) link.close()
  }

  /** Its process ends between two instructions: its links break, without a message. */
  kill(): void {
    this.refusal = 'killed'
    this.ended = true
    this.#links.breakAll(this)
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

/** In the form of real ones, and the same in each run: no key belongs to it. */
function peerIdOf(name: string): string {
  const digits = createHash('sha256').update(name).digest('hex').replaceAll('0', 'z')
  return `12D3KooW${digits.slice(0, 44)}`
}

const pathTo = (member: string): never => {
  throw new MeshError('unsupported', `Cannot find the path to ${member}: links of a test mesh have none`)
}

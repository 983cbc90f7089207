/** The links of a test mesh: engines of real links over memory, one for each pair of members, made by the first call between them. */
import { MeshError, type Subject } from '@agent-mesh/protocol'
import {
  memoryStreams,
  rpcLink,
  type OnRequest,
  type RpcLink,
  type TimerWheel,
  type TurnQueue,
} from '../rpc/index.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A member, as far as its links need it. */
export interface LinkedMember {
  readonly name: string
  readonly subject: Subject
  readonly turns: TurnQueue
  /** What it serves a caller with. */
  readonly handlerFor: (caller: Subject) => OnRequest
  /** Why it takes no new links. @default it takes them */
  readonly refusal: 'stopping' | 'killed' | undefined
}

/** A link, seen from both ends. */
interface Wire {
  readonly members: readonly [LinkedMember, LinkedMember]
  readonly ends: readonly [RpcLink, RpcLink]
}

/** How the network between two members is. */
interface Network {
  cut: boolean
  delayMs: number
  /** When the last piece that is on its way arrives. */
  arrivesAt: number
}

export class MemoryLinks {
  readonly #clock: VirtualTime
  readonly #wheel: TimerWheel
  readonly #wires = new Map<string, Wire>()
  readonly #networks = new Map<string, Network>()

  constructor(clock: VirtualTime, wheel: TimerWheel) {
    this.#clock = clock
    this.#wheel = wheel
  }

  /** The end of the link at `from`. @throws MeshError unavailable */
  link(from: LinkedMember, to: LinkedMember): RpcLink {
    const known = this.#wires.get(pairOf(from.name, to.name))
    const end = known?.ends[known.members[0] === from ? 0 : 1]
    if (end?.usable === true) return end
    const reason = this.#obstacle(from, to)
    if (reason !== undefined)
      throw new MeshError('unavailable', `Cannot connect to ${to.name}: ${reason}`, { notStarted: true })
    return this.#connect(from, to)
  }

  /** The ends at a member of all its links. */
  of(member: LinkedMember): RpcLink[] {
    return [...this.#wires.values()].flatMap(({ members, ends }) =>
      ends.filter((_, at) => members[at] === member),
    )
  }

  /** The network between two members fails: their link breaks, and no other can be made until {@link mend}. */
  cut(a: string, b: string): void {
    this.#network(a, b).cut = true
    this.#break(pairOf(a, b), 'the network between them failed')
  }

  mend(a: string, b: string): void {
    this.#network(a, b).cut = false
  }

  /** From now on all that is sent between two members takes so many ms, each way. */
  delay(a: string, b: string, ms: number): void {
    this.#network(a, b).delayMs = ms
  }

  /** All links of a member break, as when its machine loses power. */
  breakAll(member: LinkedMember): void {
    for (const [pair, { members }] of this.#wires)
      if (members.includes(member)) this.#break(pair, `${member.name} is gone`)
  }

  #obstacle(from: LinkedMember, to: LinkedMember): string | undefined {
    if (to.refusal !== undefined) return `it is ${to.refusal}`
    if (from.refusal === 'killed') return `${from.name} is killed`
    return this.#network(from.name, to.name).cut ? 'the network between them failed' : undefined
  }

  #connect(from: LinkedMember, to: LinkedMember): RpcLink {
    const pair = pairOf(from.name, to.name)
    const network = this.#network(from.name, to.name)
    const [near, far] = memoryStreams(work => this.#deliver(network, work))
    const end = (stream: typeof near, at: LinkedMember, peer: LinkedMember): RpcLink =>
      rpcLink({ stream, wheel: this.#wheel, turns: at.turns, onRequest: at.handlerFor(peer.subject) })
    const wire: Wire = { members: [from, to], ends: [end(near, from, to), end(far, to, from)] }
    this.#wires.set(pair, wire)
    void wire.ends[0].closed.then(() => {
      if (this.#wires.get(pair) === wire) this.#wires.delete(pair)
    })
    return wire.ends[0]
  }

  /** In the order in which it was sent, also when the delay gets shorter meanwhile. */
  #deliver(network: Network, work: () => void): void {
    this.#clock.noteActivity()
    const now = this.#clock.now()
    network.arrivesAt = Math.max(network.arrivesAt, now + network.delayMs)
    if (network.arrivesAt <= now) return queueMicrotask(work)
    this.#clock.startTimer(network.arrivesAt - now, () => {
      this.#clock.noteActivity()
      work()
    })
  }

  #break(pair: string, reason: string): void {
    const wire = this.#wires.get(pair)
    this.#wires.delete(pair)
    for (const end of wire?.ends ?? [])
      end.abort(new MeshError('path_lost', `Cannot keep the link: ${reason}`))
  }

  #network(a: string, b: string): Network {
    const pair = pairOf(a, b)
    const known = this.#networks.get(pair)
    if (known !== undefined) return known
    const made: Network = { cut: false, delayMs: 0, arrivesAt: 0 }
    this.#networks.set(pair, made)
    return made
  }
}

const pairOf = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)

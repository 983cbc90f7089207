/** The links of a test mesh: engines of real links over memory, one for each pair of members, made by the first call between them. */
import { MeshError } from '@agent-mesh/protocol'
import { Listeners } from '../core/listeners.ts'
import { memoryStreams, type RpcLink, type TimerWheel } from '../rpc/index.ts'
import { MemoryEnd, type LinkedMember } from './memory-end.ts'
import type { VirtualTime } from './virtual-time.ts'

export type { LinkedMember }

/** A link, seen from both ends. */
interface Wire {
  readonly members: readonly [LinkedMember, LinkedMember]
  readonly ends: readonly [MemoryEnd, MemoryEnd]
}

/** How the network between two members is. */
interface Network {
  cut: boolean
  delayMs: number
  /** When the last piece that is on its way arrives. */
  arrivesAt: number
}

export class MemoryLinks {
  /** A link came up, or went down. */
  readonly changed = new Listeners<void>(rethrow)
  readonly #clock: VirtualTime
  readonly #wheel: TimerWheel
  readonly #wires = new Map<string, Wire>()
  readonly #networks = new Map<string, Network>()

  constructor(clock: VirtualTime, wheel: TimerWheel) {
    this.#clock = clock
    this.#wheel = wheel
  }

  /** The calls of the link between two members, at `from`. @throws MeshError unavailable */
  link(from: LinkedMember, to: LinkedMember): RpcLink {
    return this.open(from, to).rpc
  }

  /** The end at `from` of the link that there is. */
  standing(from: LinkedMember, to: LinkedMember): MemoryEnd | undefined {
    const known = this.#wires.get(pairOf(from.name, to.name))
    const end = known?.ends[known.members[0] === from ? 0 : 1]
    return end?.rpc.usable === true ? end : undefined
  }

  /** The end at `from` of the link to a member. @throws MeshError unavailable */
  open(from: LinkedMember, to: LinkedMember): MemoryEnd {
    const end = this.standing(from, to)
    if (end !== undefined) return end
    const reason = this.#obstacle(from, to)
    if (reason !== undefined)
      throw new MeshError('unavailable', `Cannot connect to ${to.name}: ${reason}`, { notStarted: true })
    return this.#connect(from, to)
  }

  /** The ends at a member of all its links. */
  of(member: LinkedMember): MemoryEnd[] {
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

  #connect(from: LinkedMember, to: LinkedMember): MemoryEnd {
    const pair = pairOf(from.name, to.name)
    const network = this.#network(from.name, to.name)
    const deliver = (work: () => void): void => this.#deliver(network, work)
    const [near, far] = memoryStreams(deliver)
    const end = (stream: typeof near, self: LinkedMember, peer: LinkedMember): MemoryEnd =>
      new MemoryEnd({ stream, self, peer, wheel: this.#wheel, deliver })
    const wire: Wire = { members: [from, to], ends: [end(near, from, to), end(far, to, from)] }
    this.#wires.set(pair, wire)
    void wire.ends[0].rpc.closed.then(() => {
      if (this.#wires.get(pair) === wire) this.#wires.delete(pair)
      this.changed.emit()
    })
    this.changed.emit()
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

const rethrow = (error: unknown): never => {
  throw error
}

const pairOf = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)

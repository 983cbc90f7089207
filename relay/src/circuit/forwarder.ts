/** The circuits of a relay: their number by member, and the two pumps of each. It owns them all. */
import { countBuffers } from '@agent-mesh/agent/core/young-garbage'
import { MeshError } from '@agent-mesh/protocol'
import type { Connection, Stream } from '@libp2p/interface'
import { circuitDefaults } from './defaults.ts'
import { Pump } from './pump.ts'
import type { SpentReason, TrafficShaper } from './traffic-shaper.ts'
import { WindowBudget } from './window-budget.ts'
import { WriteTick } from './write-tick.ts'

/** One end of a circuit. */
export interface CircuitEnd {
  peerId: string
  stream: Stream
  connection: Connection
}

export type Direction = 'to_target' | 'to_source'

export interface ForwarderInit {
  shaper: TrafficShaper
  /** Bytes that the windows of all circuits may grow by. @default circuitDefaults.windowBytes */
  windowBytes?: number | undefined
  /** A circuit ended before its time because a member has used up its day. */
  onSpent: (reason: SpentReason, peerId: string) => void
}

const pairOf = (source: string, target: string): string => `${source} ${target}`

export class Forwarder {
  readonly #shaper: TrafficShaper
  readonly #onSpent: (reason: SpentReason, peerId: string) => void
  readonly #windows: WindowBudget
  readonly #tick = new WriteTick()
  readonly #circuits = new Set<() => void>()
  /** By member that opened them, and by pair. */
  readonly #places = new Map<string, number>()
  #count = 0
  readonly #bytes = { to_target: 0, to_source: 0 }

  constructor(init: ForwarderInit) {
    this.#shaper = init.shaper
    this.#onSpent = init.onSpent
    this.#windows = new WindowBudget(init.windowBytes ?? circuitDefaults.windowBytes)
  }

  /** Bytes carried so far: to those that were called, and back. */
  get bytes(): Readonly<Record<Direction, number>> {
    return this.#bytes
  }

  /** Circuits that are open or being opened, of one member that opened them or of all. */
  count(peerId?: string): number {
    return peerId === undefined ? this.#count : (this.#places.get(peerId) ?? 0)
  }

  /** Those that one member opened to another. */
  between(source: string, target: string): number {
    return this.#places.get(pairOf(source, target)) ?? 0
  }

  /** Reserves a place for a circuit that a member is about to open. @returns frees it, once */
  place(source: string, target: string): () => void {
    this.#add(source, target, 1)
    let held = true
    return () => {
      if (held) this.#add(source, target, -1)
      held = false
    }
  }

  #add(source: string, target: string, change: 1 | -1): void {
    this.#count += change
    for (const key of [source, pairOf(source, target)]) {
      const now = (this.#places.get(key) ?? 0) + change
      if (now === 0) this.#places.delete(key)
      else this.#places.set(key, now)
    }
  }

  /** Joins two ends until both are done or one fails; `leave` is called then. */
  join(source: CircuitEnd, target: CircuitEnd, leave: () => void): void {
    let running = 2
    const shares = [source, target].map(({ stream }) => this.#windows.share(stream))
    const over = (): void => {
      this.#circuits.delete(fail)
      for (const pump of pumps) pump.stop()
      for (const end of shares) end()
      leave()
    }
    const fail = (
      error: Error = new MeshError('going_away', 'Cannot carry circuit: the relay is stopping'),
    ) => {
      over()
      for (const { stream } of [source, target]) stream.abort(error)
    }
    const pump = (from: CircuitEnd, to: CircuitEnd, direction: Direction): Pump =>
      new Pump({
        from: from.stream,
        to: to.stream,
        connection: to.connection,
        member: from.peerId,
        shaper: this.#shaper,
        tick: this.#tick,
        onBytes: bytes => {
          // They are read and written.
          countBuffers(2 * bytes)
          this.#bytes[direction] += bytes
        },
        onEnd: () => {
          if (--running === 0) over()
        },
        onFailure: fail,
        onSpent: () => this.#spent(from.peerId, fail),
      })
    this.#circuits.add(fail)
    const pumps = [pump(source, target, 'to_target'), pump(target, source, 'to_source')]
  }

  #spent(peerId: string, fail: (error: Error) => void): void {
    const reason = this.#shaper.spent(peerId) ?? 'member_bytes_spent'
    this.#onSpent(reason, peerId)
    fail(new MeshError('rate_limited', `Cannot carry circuit of ${peerId}: ${reason}`))
  }

  /** Ends all circuits: both ends see it at once. */
  stop(): void {
    for (const fail of [...this.#circuits]) fail()
    this.#tick.stop()
    this.#shaper.stop()
  }
}

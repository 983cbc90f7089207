/** The rings of agents (design 5a): which agent watches which. Every agent has a place on each ring and watches its successor there. */
import { RingOrder } from './ring-order.ts'

export { ringPlace } from './ring-order.ts'

export interface RingsInit {
  meshId: string
  /** Own peer id. */
  self: string
  /** How many rings there are. */
  rings: number
  /** Up to so many agents, each watches all others. */
  small: number
}

export class Rings {
  readonly #self: string
  readonly #small: number
  readonly #order: RingOrder

  constructor(init: RingsInit) {
    this.#self = init.self
    this.#small = init.small
    this.#order = new RingOrder(init.meshId, init.rings)
    this.#order.add(init.self)
  }

  get order(): RingOrder {
    return this.#order
  }

  /** Other agents on the rings. */
  get size(): number {
    return this.#order.size - 1
  }

  /** Idempotent; the own peer id is ignored. */
  add(peerId: string): void {
    this.#order.add(peerId)
  }

  /** Idempotent; the own peer id stays. */
  remove(peerId: string): void {
    if (peerId !== this.#self) this.#order.remove(peerId)
  }

  /**
   * The agents to watch: the successor on each of the first `rings` rings, the next one there when that is watched already.
   * In a small mesh all. One that is dead is passed over.
   */
  watched(rings: number, isDead: (peerId: string) => boolean = () => false): string[] {
    if (this.size < this.#small)
      return [...this.#order.peers()].filter(peerId => peerId !== this.#self && !isDead(peerId))
    const watched = new Set<string>()
    for (let ring = 0; ring < rings; ring++)
      for (const peerId of this.#order.from(this.#self, ring)) {
        if (watched.has(peerId) || isDead(peerId)) continue
        watched.add(peerId)
        break
      }
    return [...watched]
  }
}

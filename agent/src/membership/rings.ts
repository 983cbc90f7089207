/**
 * The rings of agents (design 5a): which agent watches which. Every agent has a place on each ring and watches its successor there.
 * Kept sorted: an agent that joins or leaves costs one insertion a ring.
 */
import { createHash } from 'node:crypto'

export interface RingsInit {
  meshId: string
  /** Own peer id. */
  self: string
  /** How many rings there are. */
  rings: number
  /** Up to so many agents, each watches all others. */
  small: number
}

interface Place {
  at: number
  peerId: string
}

/** Place of an agent on a ring: the first 48 bits of SHA-256 over mesh id, ring number and peer id. */
export const ringPlace = (meshId: string, ring: number, peerId: string): number =>
  createHash('sha256').update(meshId).update(String(ring)).update(peerId).digest().readUIntBE(0, 6)

export class Rings {
  readonly #self: string
  readonly #small: number
  readonly #ringCount: number
  readonly #meshId: string
  readonly #others = new Set<string>()
  /** Each sorted by place, without the own one. */
  readonly #rings: Place[][]
  readonly #own: Place[]

  constructor(init: RingsInit) {
    this.#self = init.self
    this.#small = init.small
    this.#ringCount = init.rings
    this.#meshId = init.meshId
    this.#rings = Array.from({ length: init.rings }, () => [])
    this.#own = this.#placesOf(init.self)
  }

  /** Other agents on the rings. */
  get size(): number {
    return this.#others.size
  }

  /** Idempotent; the own peer id is ignored. */
  add(peerId: string): void {
    if (peerId === this.#self || this.#others.has(peerId)) return
    this.#others.add(peerId)
    for (const [i, place] of this.#placesOf(peerId).entries()) {
      const ring = this.#rings[i] ?? []
      ring.splice(indexAfter(ring, place), 0, place)
    }
  }

  /** Idempotent. */
  remove(peerId: string): void {
    if (!this.#others.delete(peerId)) return
    for (const [i, place] of this.#placesOf(peerId).entries())
      this.#rings[i]?.splice(indexAfter(this.#rings[i], place) - 1, 1)
  }

  /**
   * The agents to watch: the successor on each of the first `rings` rings, the next one there when that is watched already.
   * In a small mesh all.
   */
  watched(rings: number): string[] {
    if (this.#others.size < this.#small) return [...this.#others]
    const watched = new Set<string>()
    for (const [i, ring] of this.#rings.slice(0, rings).entries()) {
      const own = this.#own[i]
      if (own === undefined) continue
      const first = indexAfter(ring, own)
      let step = 0
      while (watched.has(peerAt(ring, first + step)) && step < ring.length) step++
      watched.add(peerAt(ring, first + step))
    }
    return [...watched]
  }

  #placesOf(peerId: string): Place[] {
    return Array.from({ length: this.#ringCount }, (_, ring) => ({
      at: ringPlace(this.#meshId, ring, peerId),
      peerId,
    }))
  }
}

const peerAt = (ring: readonly Place[], index: number): string => ring[index % ring.length]?.peerId ?? ''

const isAfter = (place: Place, other: Place): boolean =>
  place.at > other.at || (place.at === other.at && place.peerId > other.peerId)

/** Index of the first place after this one. */
function indexAfter(ring: readonly Place[], place: Place): number {
  let low = 0
  let high = ring.length
  while (low < high) {
    const middle = (low + high) >> 1
    const at = ring[middle]
    if (at !== undefined && isAfter(at, place)) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * Members in the order of several rings: the place of each is a hash, so that none chooses its neighbours and all compute the same.
 * Kept sorted: a member that joins or leaves costs one insertion a ring.
 */
import { createHash } from 'node:crypto'

interface Place {
  at: number
  peerId: string
}

/** Place of a member on a ring: the first 48 bits of SHA-256 over mesh id, ring number and peer id. */
export const ringPlace = (meshId: string, ring: number, peerId: string): number =>
  createHash('sha256').update(meshId).update(String(ring)).update(peerId).digest().readUIntBE(0, 6)

export class RingOrder {
  readonly #meshId: string
  /** Each sorted by place. */
  readonly #rings: Place[][]
  readonly #places = new Map<string, readonly Place[]>()

  /** @param rings how many there are */
  constructor(meshId: string, rings: number) {
    this.#meshId = meshId
    this.#rings = Array.from({ length: rings }, () => [])
  }

  get size(): number {
    return this.#places.size
  }

  has(peerId: string): boolean {
    return this.#places.has(peerId)
  }

  peers(): IterableIterator<string> {
    return this.#places.keys()
  }

  /** @returns whether it was new */
  add(peerId: string): boolean {
    if (this.#places.has(peerId)) return false
    const places = this.#rings.map((_, ring) => ({ at: ringPlace(this.#meshId, ring, peerId), peerId }))
    this.#places.set(peerId, places)
    for (const [i, place] of places.entries())
      this.#rings[i]?.splice(indexAfter(this.#rings[i], place), 0, place)
    return true
  }

  /** @returns whether it was there */
  remove(peerId: string): boolean {
    const places = this.#places.get(peerId)
    if (places === undefined) return false
    this.#places.delete(peerId)
    for (const [i, place] of places.entries())
      this.#rings[i]?.splice(indexAfter(this.#rings[i], place) - 1, 1)
    return true
  }

  /** The others on a ring from a member on, nearest first: its successors, or with `back` its predecessors. */
  *from(peerId: string, ring: number, back = false): Generator<string> {
    const order = this.#rings[ring] ?? []
    const own = this.#places.get(peerId)?.[ring]
    if (own === undefined) return
    const next = indexAfter(order, own)
    for (let step = 0; step < order.length - 1; step++) {
      const index = back ? next - 2 - step + order.length : next + step
      const place = order[index % order.length]
      if (place !== undefined) yield place.peerId
    }
  }
}

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

/** Slots of an empty queue: a power of two, as all sizes of a ring. */
const fewSlots = 16

/** First in, first out, in a ring: an array that is emptied and filled with each chunk would be allocated anew each time. */
class Fifo<T> {
  #ring = slots<T>(fewSlots)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item
    this.#size++
  }

  peek(): T | undefined {
    return this.#ring[this.#head]
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size--
    // Frees the memory of a flood that has ended.
    if (this.#size === 0 && this.#ring.length > 64 * fewSlots) this.#ring = slots(fewSlots)
    if (this.#size === 0) this.#head = 0
    return item
  }

  #grow(): void {
    const larger = slots<T>(this.#ring.length * 2)
    for (let at = 0; at < this.#size; at++)
      larger[at] = this.#ring[(this.#head + at) & (this.#ring.length - 1)]
    this.#ring = larger
    this.#head = 0
  }
}

const slots = <T>(count: number): (T | undefined)[] => new Array<T | undefined>(count).fill(undefined)

/** What waits from one source. */
export class Lane<T> {
  /** @internal */ readonly waiting = new Fifo<T>()
}

/**
 * What waits from many sources: lanes take turns, one entry each (round robin), so that one source's flood delays the
 * others by one entry and not by its length. Within a lane: first in, first out.
 */
export class FairQueue<T> {
  readonly #turns = new Fifo<Lane<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(lane: Lane<T>, entry: T): void {
    if (lane.waiting.size === 0) this.#turns.push(lane)
    lane.waiting.push(entry)
    this.#size++
  }

  /** The next entry: the oldest of the lane whose turn it is. */
  next(): T | undefined {
    const lane = this.#turns.peek()
    if (lane === undefined) return undefined
    const entry = lane.waiting.shift()
    this.#size--
    if (lane.waiting.size === 0) this.#turns.shift()
    else if (this.#turns.size > 1) this.#turns.push(this.#turns.shift()!)
    return entry
  }

  /** Removes the oldest entries of each lane while `unwanted` returns true. */
  *sweep(unwanted: (entry: T) => boolean): Generator<T> {
    for (let lanes = this.#turns.size; lanes > 0; lanes--) {
      const lane = this.#turns.shift()!
      for (let entry = lane.waiting.peek(); entry !== undefined && unwanted(entry);) {
        lane.waiting.shift()
        this.#size--
        yield entry
        entry = lane.waiting.peek()
      }
      if (lane.waiting.size > 0) this.#turns.push(lane)
    }
  }
}

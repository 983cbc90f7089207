/** First in, first out; both ends cost O(1), spread over the calls. */
export class Fifo<T> {
  #items: T[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#items[this.#head++]
    if (this.#head === this.#items.length) {
      this.#items.length = this.#head = 0
    } else if (this.#head >= 64 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  *[Symbol.iterator](): Generator<T> {
    for (let at = this.#head; at < this.#items.length; at++) yield this.#items[at]!
  }
}

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
    const lane = this.#turns.shift()
    if (lane === undefined) return undefined
    const entry = lane.waiting.shift()
    if (lane.waiting.size > 0) this.#turns.push(lane)
    this.#size--
    return entry
  }

  /** Takes from the old end of each lane what `unwanted` says, until it says no. */
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

/** What is due when, soonest first. Moving a deadline later costs nothing until the old time comes. */
export interface Dated {
  /** Ms; Infinity: never. */
  due: number
  /** When the queue looks at it next; Infinity: it is not in the queue. Only the queue changes it. */
  queuedAt: number
}

interface Entry<T> {
  at: number
  item: T
}

export class Deadlines<T extends Dated> {
  readonly #heap: Entry<T>[] = []

  /** When something is due next, at the latest; Infinity: never. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Infinity
  }

  /** Changes when an item is due. */
  set(item: T, due: number): void {
    item.due = due
    if (due < item.queuedAt) this.#push({ at: (item.queuedAt = due), item })
  }

  /** Takes out an item that is due. */
  take(now: number): T | undefined {
    for (let top = this.#heap[0]; top !== undefined && top.at <= now; top = this.#heap[0]) {
      this.#pop()
      const { at, item } = top
      if (item.queuedAt !== at) continue
      item.queuedAt = Infinity
      if (item.due <= now) return item
      if (item.due < Infinity) this.#push({ at: (item.queuedAt = item.due), item })
    }
    return undefined
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(entry)
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || parent.at <= entry.at) break
      heap[i] = parent
      i = up
    }
    heap[i] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      const right = heap[child + 1]
      if (right !== undefined && right.at < (heap[child]?.at ?? Infinity)) child++
      const smaller = heap[child]
      if (smaller === undefined || smaller.at >= last.at) break
      heap[i] = smaller
      i = child
    }
    heap[i] = last
  }
}

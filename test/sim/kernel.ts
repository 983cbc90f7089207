/** Virtual time: what happens at the same ms happens in the order in which it was planned. */
interface Planned {
  at: number
  order: number
  run: () => void
}

const isBefore = (a: Planned, b: Planned): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export class Kernel {
  readonly #heap: Planned[] = []
  #planned = 0
  #events = 0
  #now = 0

  /** Ms since the start. */
  get now(): number {
    return this.#now
  }

  /** Events that have happened. */
  get events(): number {
    return this.#events
  }

  at(at: number, run: () => void): void {
    const planned = { at: Math.max(at, this.#now), order: this.#planned++, run }
    const heap = this.#heap
    let i = heap.length
    heap.push(planned)
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || !isBefore(planned, parent)) break
      heap[i] = parent
      i = up
    }
    heap[i] = planned
  }

  after(ms: number, run: () => void): void {
    this.at(this.#now + ms, run)
  }

  /** Runs everything up to and at `until`. */
  run(until: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop()
      this.#now = next.at
      this.#events++
      next.run()
    }
    this.#now = until
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      const [left, right] = [heap[child], heap[child + 1]]
      if (left === undefined) break
      if (right !== undefined && isBefore(right, left)) child++
      const smaller = heap[child]
      if (smaller === undefined || !isBefore(smaller, last)) break
      heap[i] = smaller
      i = child
    }
    heap[i] = last
  }
}

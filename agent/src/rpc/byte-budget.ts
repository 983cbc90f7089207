/**
 * Bytes that may wait in memory. The budget of a link is a child of the budget of the process: its bytes count in both, and it has
 * room while both have. The last taker may exceed the limit, so that nothing is refused for its size.
 */
export class ByteBudget {
  readonly #limit: number
  readonly #parent: ByteBudget | undefined
  readonly #waiting = new Set<() => void>()
  #used = 0

  constructor(limit: number, parent?: ByteBudget) {
    this.#limit = limit
    this.#parent = parent
  }

  /** Bytes that wait now. */
  get used(): number {
    return this.#used
  }

  /** Bytes that may still be taken; none when it is exceeded. */
  get left(): number {
    const own = Math.max(0, this.#limit - this.#used)
    return this.#parent === undefined ? own : Math.min(own, this.#parent.left)
  }

  get hasRoom(): boolean {
    return this.#used < this.#limit && (this.#parent?.hasRoom ?? true)
  }

  /** @returns whether there was room; nothing is taken otherwise */
  tryTake(bytes: number): boolean {
    if (!this.hasRoom) return false
    this.take(bytes)
    return true
  }

  take(bytes: number): void {
    this.#used += bytes
    this.#parent?.take(bytes)
  }

  give(bytes: number): void {
    this.#used -= bytes
    this.#parent?.give(bytes)
    if (this.#waiting.size > 0 && this.hasRoom) this.#wake()
  }

  /** Calls `callback` each time there is room again, until the result is called. */
  whenRoom(callback: () => void): () => void {
    this.#waiting.add(callback)
    const undo = this.#parent?.whenRoom(callback)
    return () => {
      this.#waiting.delete(callback)
      undo?.()
    }
  }

  /** Calls the longest waiting first; each then goes to the end, so that none takes all the room each time. */
  #wake(): void {
    for (const callback of [...this.#waiting]) {
      if (!this.hasRoom) return
      if (!this.#waiting.delete(callback)) continue
      this.#waiting.add(callback)
      callback()
    }
  }
}

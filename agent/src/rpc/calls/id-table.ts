import { idTableSlots } from '../defaults.ts'

/**
 * What is in flight, by request id. Ids are assigned one after the other, so the low bits find a slot, and only a call
 * that collides with a long-running one goes to a map. A map alone would rebuild its table with every batch of
 * calls, and tables that grew old keep the dead calls of later ones alive: half of the CPU went to the collector.
 */
export class IdTable<T extends { readonly id: number }> {
  readonly #slots: (T | undefined)[] = new Array<T | undefined>(idTableSlots).fill(undefined)
  readonly #collided = new Map<number, T>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(id: number): T | undefined {
    const entry = this.#slots[id & (idTableSlots - 1)]
    if (entry?.id === id) return entry
    return this.#collided.size === 0 ? undefined : this.#collided.get(id)
  }

  /** Adds an entry whose id is not in the table. */
  add(entry: T): void {
    const slot = entry.id & (idTableSlots - 1)
    if (this.#slots[slot] === undefined) this.#slots[slot] = entry
    else this.#collided.set(entry.id, entry)
    this.#size++
  }

  /** Removes an entry that is in the table. */
  remove(entry: T): void {
    const slot = entry.id & (idTableSlots - 1)
    if (this.#slots[slot] === entry) this.#slots[slot] = undefined
    else this.#collided.delete(entry.id)
    this.#size--
  }

  /** A copy: entries may be removed meanwhile. */
  all(): T[] {
    return [...this.#slots.filter(entry => entry !== undefined), ...this.#collided.values()]
  }
}

import { sourceOf } from '@agent-mesh/protocol'

/** Counts the open connections, or the requests being served, of each source. */
export class SourcePlaces {
  readonly #most: (address: string) => number
  readonly #taken = new Map<string, number>()

  /** @param most that an address may have at once */
  constructor(most: (address: string) => number) {
    this.#most = most
  }

  /** @returns a function that releases the place, once; undefined when the source of this address has none left */
  take(address: string): (() => void) | undefined {
    const source = sourceOf(address)
    const taken = this.#taken.get(source) ?? 0
    if (taken >= this.#most(address)) return undefined
    this.#taken.set(source, taken + 1)
    return () => {
      const left = (this.#taken.get(source) ?? 1) - 1
      if (left === 0) this.#taken.delete(source)
      else this.#taken.set(source, left)
    }
  }
}

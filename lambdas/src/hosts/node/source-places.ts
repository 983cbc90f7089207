import { sourceOf } from '@agent-mesh/protocol'

/** Counts what each source has open at once: connections, or requests being served. */
export class SourcePlaces {
  readonly #most: (address: string) => number
  readonly #taken = new Map<string, number>()

  /** @param most that an address may have at once */
  constructor(most: (address: string) => number) {
    this.#most = most
  }

  /** @returns how to give the place back, once; undefined when the source of this address has none left */
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

import { cacheDefaults } from './defaults.ts'

const { sketchCells, sketchSample, sketchLeast } = cacheDefaults
const most = 255
/** An odd factor for each row (from xxHash and MurmurHash3): the same keys meet in different cells. */
const factors = [0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x9e3779b1] as const

/**
 * How often keys were asked for lately: a count-min sketch with conservative update, halved after a while, so that what was
 * popular once makes room (TinyLFU: Einziger, Friedman, Manes, ACM TOS 2017).
 */
export class Frequencies {
  readonly #rows = factors.map(() => new Uint8Array(sketchCells))
  #asked = 0

  /** A key was asked for. @param entries that are held: with more of them, more questions pass between two halvings */
  add(key: string, entries: number): void {
    const hash = hashOf(key)
    const count = this.#count(hash)
    if (count < most)
      for (const [row, cells] of this.#rows.entries()) {
        const cell = cellOf(hash, row)
        if (cells[cell] === count) cells[cell]++
      }
    if (++this.#asked >= Math.max(sketchLeast, entries * sketchSample)) this.#halve()
  }

  /** 0 to 255; never less than the true count since the last halving, up to 255. */
  of(key: string): number {
    return this.#count(hashOf(key))
  }

  #count(hash: number): number {
    let least = most
    for (const [row, cells] of this.#rows.entries()) least = Math.min(least, cells[cellOf(hash, row)]!)
    return least
  }

  #halve(): void {
    this.#asked = 0
    for (const cells of this.#rows) for (let at = 0; at < cells.length; at++) cells[at]! >>= 1
  }
}

/** FNV-1a. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  return hash
}

function cellOf(hash: number, row: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), factors[row]!)
  return (mixed ^ (mixed >>> 13)) & (sketchCells - 1)
}

import { limits } from './limits.ts'
import { isRemoval, type MapChange } from './map.ts'

/** Bytes of a change in a page beside its documents: keys, numbers, peer id. */
const changeOverheadBytes = 160

/** About what a change takes of the bytes of a page. */
const bytesOf = (change: MapChange): number =>
  changeOverheadBytes + (isRemoval(change) ? 0 : change.record.length + change.credential.length)

/** Collects changes up to the limits of a page. */
export class MapPageFiller {
  readonly changes: MapChange[] = []
  readonly #mostBytes: number
  #bytes = 0

  /** @param mostBytes of the JSON of the page, about */
  constructor(mostBytes: number = limits.mapBytes) {
    this.#mostBytes = mostBytes
  }

  /** Changes that it takes yet, if they are small. */
  get room(): number {
    return limits.mapPairs - this.changes.length
  }

  /** False when the page is full; the change is then for the next one. */
  add(change: MapChange): boolean {
    const bytes = this.#bytes + bytesOf(change)
    if (this.room === 0 || bytes > this.#mostBytes) return false
    this.#bytes = bytes
    this.changes.push(change)
    return true
  }
}

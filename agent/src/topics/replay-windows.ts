/** Which numbers of publishers were seen: a replayed or repeated message is refused. Pure but for its memory. */
import { topicDefaults } from './defaults.ts'

interface Window {
  epoch: number
  highest: number
  /** Which of the last numbers up to `highest` were seen: the bit of each number is at its remainder by the size. */
  readonly seen: Uint32Array
}

const size = topicDefaults.window
const bitsOfWord = 32

/** Messages whose numbers are seen apart: those of a publisher outside groups, and those of each group. */
export const laneOf = (publisher: string, group = ''): string => `${publisher} ${group}`

export interface Numbered {
  /** Unix ms. */
  epoch: number
  seq: number
  /** When it was published, unix ms. */
  at: number
}

export class ReplayWindows {
  readonly #windows = new Map<string, Window>()
  readonly #now: () => number

  /** @param now unix ms */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether a message is new; from then on it is not. @param lane {@link laneOf} its publisher and group */
  take(lane: string, { epoch, seq, at }: Numbered): boolean {
    const known = this.#windows.get(lane)
    if (known === undefined || epoch > known.epoch) {
      if (Math.abs(this.#now() - at) > topicDefaults.skewMs) return false
      const opened = { epoch, highest: seq, seen: new Uint32Array(size / bitsOfWord) }
      see(opened, seq)
      this.#open(lane, opened)
      return true
    }
    if (epoch < known.epoch) return false
    if (seq > known.highest) {
      if (seq - known.highest >= size) known.seen.fill(0)
      else for (let skipped = known.highest + 1; skipped < seq; skipped++) forget(known, skipped)
      known.highest = seq
      see(known, seq)
      return true
    }
    if (known.highest - seq >= size || isSeen(known, seq)) return false
    see(known, seq)
    return true
  }

  /** The publisher heard of last stays longest. */
  #open(lane: string, window: Window): void {
    this.#windows.delete(lane)
    this.#windows.set(lane, window)
    const [oldest] = this.#windows.keys()
    if (this.#windows.size > topicDefaults.windows && oldest !== undefined) this.#windows.delete(oldest)
  }
}

const wordOf = (seq: number): number => Math.floor((seq % size) / bitsOfWord)
const bitOf = (seq: number): number => 1 << (seq % bitsOfWord)

const isSeen = ({ seen }: Window, seq: number): boolean => (seen[wordOf(seq)]! & bitOf(seq)) !== 0

function see({ seen }: Window, seq: number): void {
  seen[wordOf(seq)]! |= bitOf(seq)
}

function forget({ seen }: Window, seq: number): void {
  seen[wordOf(seq)]! &= ~bitOf(seq)
}

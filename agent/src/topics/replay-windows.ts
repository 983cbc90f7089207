/** Which numbers of publishers were seen: a replayed or repeated message is refused. Pure but for its memory. */
import { topicDefaults } from './defaults.ts'

interface Window {
  epoch: number
  highest: number
  /** Bit n: whether `highest - n` was seen. */
  seen: bigint
}

const size = topicDefaults.window
const mask = (1n << BigInt(size)) - 1n

export interface Numbered {
  publisher: string
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

  /**
   * Whether a message is new; from then on it is not.
   * @param lane messages of a group are seen by their group
   */
  take({ publisher, epoch, seq, at }: Numbered, lane = ''): boolean {
    const key = `${publisher} ${lane}`
    const known = this.#windows.get(key)
    if (known === undefined || epoch > known.epoch) {
      if (Math.abs(this.#now() - at) > topicDefaults.skewMs) return false
      this.#open(key, { epoch, highest: seq, seen: 1n })
      return true
    }
    if (epoch < known.epoch) return false
    const ahead = seq - known.highest
    if (ahead > 0) {
      known.seen = ahead >= size ? 1n : ((known.seen << BigInt(ahead)) | 1n) & mask
      known.highest = seq
      return true
    }
    // Before the shift: a publisher that jumps ahead by 2^30 and back would make it take 128 MiB.
    if (-ahead >= size) return false
    const bit = 1n << BigInt(-ahead)
    if ((known.seen & bit) !== 0n) return false
    known.seen |= bit
    return true
  }

  /** The publisher heard of last stays longest. */
  #open(key: string, window: Window): void {
    this.#windows.delete(key)
    this.#windows.set(key, window)
    const [oldest] = this.#windows.keys()
    if (this.#windows.size > topicDefaults.windows && oldest !== undefined) this.#windows.delete(oldest)
  }
}

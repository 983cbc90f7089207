/**
 * Members that were not reached, or fell silent, a moment ago, whatever a lease says of them: calls ask others first. The doubt
 * ends by itself, later each time in a row; while one call finds out whether it was right, the others still doubt.
 */
import { membershipDefaults } from './defaults.ts'

interface Doubt {
  /** Monotonic ms. */
  until: number
  times: number
}

export class Doubts {
  readonly #now: () => number
  readonly #byPeer = new Map<string, Doubt>()

  /** @param now monotonic ms */
  constructor(now: () => number) {
    this.#now = now
  }

  has(peerId: string): boolean {
    return this.#now() < (this.#byPeer.get(peerId)?.until ?? -Infinity)
  }

  /** It was not reached, or its link ended without GOING_AWAY. */
  doubt(peerId: string): void {
    const times = (this.#byPeer.get(peerId)?.times ?? 0) + 1
    const ms = Math.min(membershipDefaults.doubtMostMs, membershipDefaults.doubtMs * 2 ** (times - 1))
    this.#put(peerId, { until: this.#now() + ms, times })
  }

  /** One call finds out whether it can be reached again. */
  asked(peerId: string): void {
    const known = this.#byPeer.get(peerId)
    if (known === undefined || this.has(peerId)) return
    this.#put(peerId, { ...known, until: this.#now() + membershipDefaults.doubtAskMs })
  }

  /** There is a link to it. */
  trust(peerId: string): void {
    this.#byPeer.delete(peerId)
  }

  /** The oldest make room: doubts about members that are not called are of no use. */
  #put(peerId: string, doubt: Doubt): void {
    this.#byPeer.delete(peerId)
    this.#byPeer.set(peerId, doubt)
    const [oldest] = this.#byPeer.keys()
    if (this.#byPeer.size > membershipDefaults.doubted && oldest !== undefined) this.#byPeer.delete(oldest)
  }
}

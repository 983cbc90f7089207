/**
 * When attempts to upgrade may begin. A network that lets no direct path through fails each of them, whatever the peer, and each costs
 * two members processor time: hundreds of relayed links that open again at once, as after a restart of their relay, would keep both
 * ends busy for minutes.
 */
import { upgradeDefaults } from './defaults.ts'

export interface AttemptPaceInit {
  /** Monotonic ms. */
  now: () => number
}

export class AttemptPace {
  readonly #now: () => number
  /** Failed attempts since one led to a direct path, a count. */
  #inVain = 0
  readonly #freeAt = { first: 0, again: 0 }
  /** Failed attempts by peer, a count; the longest known first. */
  readonly #failures = new Map<string, number>()

  constructor({ now }: AttemptPaceInit) {
    this.#now = now
  }

  /** Takes a turn. @param kind whether the link was ever tried @returns ms until the attempt may begin */
  turn(kind: 'first' | 'again'): number {
    const { attemptsInVain, firstInVainMs, againInVainMs } = upgradeDefaults
    if (this.#inVain < attemptsInVain) return 0
    const now = this.#now()
    const at = Math.max(now, this.#freeAt[kind])
    this.#freeAt[kind] = at + (kind === 'first' ? firstInVainMs : againInVainMs)
    return at - now
  }

  /** An attempt that was begun here ended. */
  ended(peerId: string, upgraded: boolean): void {
    const failures = this.#failures.get(peerId) ?? 0
    this.#failures.delete(peerId)
    if (upgraded) return this.#forgetVain()
    this.#inVain++
    this.#failures.set(peerId, failures + 1)
    if (this.#failures.size > upgradeDefaults.rememberedPeers) {
      const [oldest] = this.#failures.keys()
      this.#failures.delete(oldest ?? '')
    }
  }

  /** Attempts with this peer that failed in a row, on earlier links too: a count. */
  failures(peerId: string): number {
    return this.#failures.get(peerId) ?? 0
  }

  /** A peer says that its network changed. */
  forget(peerId: string): void {
    this.#failures.delete(peerId)
  }

  /** The own network changed: what failed may succeed. */
  reset(): void {
    this.#failures.clear()
    this.#forgetVain()
  }

  #forgetVain(): void {
    this.#inVain = 0
    this.#freeAt.first = this.#freeAt.again = 0
  }
}

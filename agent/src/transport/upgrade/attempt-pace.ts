/**
 * When attempts to upgrade may begin. A network that lets no direct path through fails each of them, whatever the peer, and each costs
 * two members processor time: hundreds of relayed links that open again at once, as after a restart of their relay, would keep both
 * ends busy for minutes.
 */
import { timerDelay } from '@agent-mesh/protocol/timers'
import { upgradeDefaults } from './defaults.ts'

/** Whether a link was tried before. */
export type AttemptKind = 'first' | 'again'

export class AttemptPace {
  readonly #lanes = {
    first: new Lane(upgradeDefaults.firstInVainMs),
    again: new Lane(upgradeDefaults.againInVainMs),
  }
  /** Failed attempts since one led to a better path, by peer: two of one peer count at most, as it may be alone with that. */
  readonly #vain = new Map<string, number>()
  #inVain = 0
  /** Failed attempts in a row by peer, a count; the longest known first. */
  readonly #failures = new Map<string, number>()

  /** Begins an attempt at its turn, which is now unless those before were in vain. A peer has one turn: the last one asked for. */
  begin(peerId: string, kind: AttemptKind, attempt: () => void): void {
    this.leave(peerId)
    if (this.#inVain < upgradeDefaults.attemptsInVain) attempt()
    else this.#lanes[kind].add(peerId, attempt)
  }

  /** Gives up the turn of a peer. */
  leave(peerId: string): void {
    this.#lanes.first.remove(peerId)
    this.#lanes.again.remove(peerId)
  }

  /** An attempt ended. */
  ended(peerId: string, upgraded: boolean): void {
    const failures = this.#failures.get(peerId) ?? 0
    this.#failures.delete(peerId)
    if (upgraded) return this.#forgetVain()
    this.#failures.set(peerId, failures + 1)
    const [oldest = ''] = this.#failures.keys()
    if (this.#failures.size > upgradeDefaults.rememberedPeers) this.#failures.delete(oldest)
    const vain = this.#vain.get(peerId) ?? 0
    if (vain >= 2 || this.#inVain >= upgradeDefaults.attemptsInVain) return
    this.#vain.set(peerId, vain + 1)
    this.#inVain++
  }

  /** Attempts with this peer that failed in a row, on earlier links too: a count. */
  failures(peerId: string): number {
    return this.#failures.get(peerId) ?? 0
  }

  /** A peer says that its network changed. */
  forget(peerId: string): void {
    this.#failures.delete(peerId)
  }

  /** The own network changed: what failed may succeed. Attempts that waited begin now. */
  reset(): void {
    this.#failures.clear()
    this.#forgetVain()
  }

  /** Begins no more. */
  stop(): void {
    for (const lane of Object.values(this.#lanes)) lane.clear()
  }

  #forgetVain(): void {
    this.#vain.clear()
    this.#inVain = 0
    for (const lane of Object.values(this.#lanes)) for (const attempt of lane.clear()) attempt()
  }
}

/** One after the other, so many ms apart. */
class Lane {
  readonly #everyMs: number
  readonly #waiting = new Map<string, () => void>()
  #timer: NodeJS.Timeout | undefined
  #freeAt = 0

  constructor(everyMs: number) {
    this.#everyMs = everyMs
  }

  add(peerId: string, attempt: () => void): void {
    this.#waiting.set(peerId, attempt)
    this.#timer ??= setTimeout(() => this.#next(), timerDelay(Math.max(0, this.#freeAt - performance.now())))
  }

  remove(peerId: string): void {
    this.#waiting.delete(peerId)
  }

  /** @returns what waited */
  clear(): (() => void)[] {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    return waiting
  }

  #next(): void {
    this.#timer = undefined
    const [next] = this.#waiting
    if (next === undefined) return
    const [peerId, attempt] = next
    this.#waiting.delete(peerId)
    this.#freeAt = performance.now() + this.#everyMs
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#next(), timerDelay(this.#everyMs))
    attempt()
  }
}

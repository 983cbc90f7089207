/**
 * Providers that go offline and come back again and again: each return draws calls that the next death breaks. After some deaths a
 * provider is left out for a while, longer each time. It is still asked by name, and where there is no other. Pure over monotonic
 * milliseconds.
 */
import { balanceDefaults } from './defaults.ts'

interface Known {
  online: boolean
  /** Monotonic ms of its deaths within the window. */
  deaths: number[]
  outUntil: number
  /** How often in a row it was left out. */
  times: number
}

export interface FlapsInit {
  /** A provider is left out for so long. */
  readonly onOut: (peerId: string, ms: number) => void
}

export class Flaps {
  readonly #onOut: FlapsInit['onOut']
  readonly #byPeer = new Map<string, Known>()

  constructor({ onOut }: FlapsInit) {
    this.#onOut = onOut
  }

  /** @returns whether it is left out now */
  note(peerId: string, online: boolean, now: number): boolean {
    const known = this.#byPeer.get(peerId)
    if (known === undefined) {
      this.#remember(peerId, { online, deaths: [], outUntil: -Infinity, times: 0 })
      return false
    }
    if (known.online !== online) {
      known.online = online
      if (!online) this.#died(peerId, known, now)
    }
    return now < known.outUntil
  }

  #died(peerId: string, known: Known, now: number): void {
    const { flapDeaths, flapWindowMs, flapOutMs, flapMostMs } = balanceDefaults
    known.deaths = [...known.deaths.filter(at => now - at < flapWindowMs), now]
    if (known.deaths.length < flapDeaths) return
    // Calm for as long as the longest pause: it begins anew.
    if (now - known.outUntil > flapMostMs) known.times = 0
    const ms = Math.min(flapOutMs * 2 ** known.times++, flapMostMs)
    known.outUntil = Math.max(known.outUntil, now + ms)
    this.#onOut(peerId, ms)
  }

  /** The oldest make room: those that are not called are of no interest. */
  #remember(peerId: string, known: Known): void {
    this.#byPeer.set(peerId, known)
    const [oldest] = this.#byPeer.keys()
    if (this.#byPeer.size > balanceDefaults.flapping && oldest !== undefined) this.#byPeer.delete(oldest)
  }
}

/**
 * Bounds the handshakes this process dials at the same time. Each costs 15-30 ms of CPU at either end: hundreds at once
 * would all be slow and all time out, and their retries would keep it so. Waiting costs nothing but time. Dials that a call
 * waits for go before those that only keep up watch links: after a relay has returned, an agent has both.
 */

/** What a dial is for. */
export interface Demand {
  /** A call waits for the dial, or all calls do, as for a relay; else it is upkeep. */
  urgent: boolean
}

export class HandshakeSlots {
  readonly #max: number
  readonly #waiting: Waiting[] = []
  #taken = 0
  /** Slots granted out of order in a row. */
  #overtaken = 0

  constructor(max: number) {
    this.#max = max
  }

  /**
   * Waits for a slot: the urgent first, in order of arrival; each fourth slot goes to the oldest, so none starves.
   * @param demand looked at when a slot is free: what was upkeep may be urgent by then
   * @returns frees it, once. Rejects with the signal's reason
   */
  async take(signal: AbortSignal, demand: Readonly<Demand> = { urgent: true }): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#taken < this.#max) this.#taken++
    else await this.#wait(signal, demand)
    let held = true
    return () => {
      if (held) this.#free()
      held = false
    }
  }

  async #wait(signal: AbortSignal, demand: Readonly<Demand>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting = { demand, resolve }
    const giveUp = () => {
      const place = this.#waiting.indexOf(waiting)
      // No longer in the queue: the slot was granted in this same tick.
      if (place < 0) return
      this.#waiting.splice(place, 1)
      reject(signal.reason)
    }
    this.#waiting.push(waiting)
    signal.addEventListener('abort', giveUp, { once: true })
    await promise.finally(() => signal.removeEventListener('abort', giveUp))
  }

  /** Hands the slot to the next in line, or puts it back. */
  #free(): void {
    const urgent = this.#overtaken < mostOvertaken ? this.#waiting.findIndex(it => it.demand.urgent) : 0
    this.#overtaken = urgent > 0 ? this.#overtaken + 1 : 0
    const [next] = this.#waiting.splice(Math.max(0, urgent), 1)
    if (next === undefined) this.#taken--
    else next.resolve()
  }
}

interface Waiting {
  readonly demand: Readonly<Demand>
  readonly resolve: () => void
}

/** Three of four slots may be granted out of order. */
const mostOvertaken = 3

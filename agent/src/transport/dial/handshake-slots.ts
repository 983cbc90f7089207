/**
 * Bounds the handshakes this process dials at the same time. Each costs 15-30 ms of CPU at either end: hundreds at once
 * would all be slow and all time out, and their retries would keep it so. Waiting costs nothing but time.
 */
export class HandshakeSlots {
  readonly #max: number
  readonly #waiting: (() => void)[] = []
  #taken = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Waits for a slot, first come, first served. @returns frees it, once. Rejects with the signal's reason */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#taken < this.#max) this.#taken++
    else await this.#wait(signal)
    let held = true
    return () => {
      if (held) this.#free()
      held = false
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = () => {
      const place = this.#waiting.indexOf(resolve)
      // Not in line any more: the slot was given in this same tick, and is taken.
      if (place < 0) return
      this.#waiting.splice(place, 1)
      reject(signal.reason)
    }
    this.#waiting.push(resolve)
    signal.addEventListener('abort', giveUp, { once: true })
    await promise.finally(() => signal.removeEventListener('abort', giveUp))
  }

  /** Hands the slot to the next in line, or puts it back. */
  #free(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#taken--
    else next()
  }
}

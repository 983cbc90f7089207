import { setTimeout as delay } from 'node:timers/promises'

/** Looks at something again and again, until it is stopped. */
export class Looks {
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[] = []

  /** @param ms from the end of a look to the next one; one that fails is left out */
  every(ms: number, look: () => unknown): void {
    this.#loops.push(this.#repeat(ms, look))
  }

  /** Resolves when the last look is over. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#loops)
  }

  async #repeat(ms: number, look: () => unknown): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await look()
      } catch {
        // A member that is down or stands still cannot be asked.
      }
      await delay(ms, undefined, { signal }).catch(() => undefined)
    }
  }
}

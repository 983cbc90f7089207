/**
 * How often a member whose membership ended asks the control plane. It may be invited again, so it keeps asking, but rarely:
 * others at its address have to join. What asks waits for its turn, so that nothing is logged meanwhile.
 */
import { MeshError } from '@agent-mesh/protocol'
import { after, type Clock } from '../observe/clock.ts'
import { discoveryDefaults } from './defaults.ts'

export interface AskingPaceInit {
  clock: Clock
  /** Uniform in [0, 1). @default Math.random */
  random?: () => number
}

export class AskingPace {
  readonly #clock: Clock
  readonly #random: () => number
  /** Whether the signed list says that the membership ended. */
  #listed = false
  /** Answers in a row that say so. */
  #refusals = 0
  /** Refusals since the start. */
  #round = 0
  /** By the clock that never steps, ms. */
  #askAt = 0

  constructor({ clock, random = Math.random }: AskingPaceInit) {
    this.#clock = clock
    this.#random = random
  }

  /**
   * Resolves when it may be asked: at once, unless the membership ended.
   * @returns the round of the request, for {@link heard} @throws the reason of the signal
   */
  async turn(signal: AbortSignal | undefined): Promise<number> {
    for (let ms = this.#waitMs(); ms > 0; ms = this.#waitMs()) await this.#wait(ms, signal)
    return this.#round
  }

  /** The signed list says that the membership ended. */
  ended(): void {
    this.#listed = true
    this.#rest()
  }

  /**
   * The outcome of a request that only a member may make: accepted when there is no error. Requests that were on their way together
   * are one refusal: they say it of one moment.
   */
  heard(round: number, error?: unknown): void {
    if (error === undefined) {
      this.#listed = false
      this.#refusals = 0
      this.#askAt = 0
    } else if (saysEnded(error, this.#listed) && round === this.#round) {
      this.#round++
      this.#refusals++
      // The first one may be wrong, and is compared with the signed list.
      if (this.#listed || this.#refusals > 1) this.#rest()
    }
  }

  /** An answer alone may be forged by plain http: it is believed for longer each time, the signed list at once. */
  #rest(): void {
    const { endedAskMs, refusedAskMs } = discoveryDefaults
    const ms = this.#listed ? endedAskMs : Math.min(endedAskMs, refusedAskMs * 2 ** (this.#refusals - 2))
    // Those that asked together are refused one after the other: the pause is that of the first.
    if (this.#waitMs() <= 0) this.#askAt = this.#clock.monotonic() + ms * (1 + this.#random() / 2)
  }

  #waitMs(): number {
    return this.#askAt - this.#clock.monotonic()
  }

  #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason as Error)
      const over = (): void => {
        signal?.removeEventListener('abort', aborted)
        resolve()
      }
      const cancel = after(this.#clock, ms, over)
      const aborted = (): void => {
        cancel()
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }
}

/** Whether the control plane knows the key as none of a member. Only the signed list says that it was revoked. */
function saysEnded(error: unknown, listed: boolean): boolean {
  if (!(error instanceof MeshError)) return false
  const { code, details } = error
  if (code === 'revoked') return listed
  return details?.['ended'] !== undefined || details?.['enrolled'] === false
}

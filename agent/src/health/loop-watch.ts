/** Reports an event loop that was blocked: calls, probes and timers of all peers waited for it. */
import type { Recovery } from '@agent-mesh/protocol/recovery'
import type { Beat, HealthBeat } from './beat.ts'
import type { CheckResult } from './check-state.ts'
import { healthDefaults } from './defaults.ts'

export interface LoopWatchInit {
  readonly beat: Pick<HealthBeat, 'onBeat' | 'now'>
  readonly recovery: Pick<Recovery, 'acted'>
}

export class LoopWatch {
  readonly #beat: Pick<HealthBeat, 'onBeat' | 'now'>
  readonly #recovery: Pick<Recovery, 'acted'>
  readonly #unlisten: () => void
  /** The longest block of late: ms, and when it ended. */
  #longest = { ms: 0, at: -Infinity }
  #lastMs = 0

  constructor({ beat, recovery }: LoopWatchInit) {
    this.#beat = beat
    this.#recovery = recovery
    this.#unlisten = beat.onBeat(each => this.#look(each))
  }

  /** ms by which the event loop was late at the last look. */
  get delayMs(): number {
    return this.#lastMs
  }

  /** A built-in check: a blocked loop is slow, not dead, so it warns. */
  readonly check = (): CheckResult => {
    const { ms, at } = this.#longest
    const ago = this.#beat.now() - at
    if (ago >= healthDefaults.blockedWindowMs) return { level: 'passing' }
    return {
      level: 'warning',
      reason: `the event loop was blocked for ${seconds(ms)} s, ${Math.round(ago / 1_000)} s ago`,
    }
  }

  stop(): void {
    this.#unlisten()
  }

  #look({ now, lateMs }: Beat): void {
    this.#lastMs = lateMs
    if (lateMs < healthDefaults.blockedMs) return
    const isOver = now - this.#longest.at >= healthDefaults.blockedWindowMs
    if (isOver || lateMs >= this.#longest.ms) this.#longest = { ms: lateMs, at: now }
    this.#recovery.acted('loop-blocked', 'measured silence of peers anew: the own event loop was blocked')
  }
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1)

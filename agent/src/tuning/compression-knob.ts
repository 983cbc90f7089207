/** Whether bodies on slow paths are compressed: when the bytes that it saves take longer than compressing them. */
import type { Compression } from '../rpc/index.ts'
import { gainDefaults } from './defaults.ts'
import type { Knob, Proposal } from './knob.ts'

export class CompressionKnob implements Knob {
  readonly name = 'compression'
  readonly #compression: Compression

  constructor(compression: Compression) {
    this.#compression = compression
  }

  get value(): string {
    return this.#compression.mode === 'on' ? 'on' : 'off'
  }

  get isWatching(): boolean {
    return this.#compression.mode === 'shadow'
  }

  watch(): void {
    if (this.#compression.mode === 'off') this.#compression.mode = 'shadow'
  }

  propose(): Proposal | undefined {
    const { mode, gain } = this.#compression
    if (mode !== 'shadow' || gain.bodies < gainDefaults.compressedBodies) return undefined
    const cpuMs = gain.cpuMs * gainDefaults.compressionEnds
    if (gain.savedMs < cpuMs * gainDefaults.compressionFactor) return undefined
    const perBody = (ms: number): string => (ms / gain.bodies).toFixed(2)
    const left = Math.round((gain.sentBytes / gain.textBytes) * 100)
    return {
      after: 'on',
      reason: `bodies would have ${left} % of their bytes: ${perBody(gain.savedMs)} ms less on the path for ${perBody(cpuMs)} ms of processor time each`,
      apply: () => (this.#compression.mode = 'on'),
      revert: () => (this.#compression.mode = 'off'),
    }
  }
}

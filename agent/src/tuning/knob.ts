/** One setting that is tuned. */

export const knobNames = ['hedgeDelay', 'cacheSize', 'cacheAdmission', 'compression'] as const
export type KnobName = (typeof knobNames)[number]

/** A change that the shadow speaks for. */
export interface Proposal {
  /** The value that it sets, as {@link Knob.value} shows it. */
  readonly after: string
  /** What was seen. */
  readonly reason: string
  apply(): void
  revert(): void
}

export interface Knob {
  readonly name: KnobName
  /** Of now, for people: `p95`, `64 MiB`, `off`. */
  readonly value: string
  /** Whether it watches what another value would do. */
  readonly isWatching: boolean
  /** Begins to watch. Idempotent. */
  watch(): void
  /** The best change, when enough was seen and it gains enough. */
  propose(): Proposal | undefined
}

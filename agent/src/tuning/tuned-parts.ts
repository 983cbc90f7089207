import type { Compression } from '../rpc/index.ts'
import type { CallCache } from '../services/cache/call-cache.ts'
import type { Hedging } from '../services/call/hedging.ts'

/** The parts of an agent whose settings are tuned. */
export interface TunedParts {
  readonly hedging: Hedging
  /** Undefined: the agent keeps no answers. */
  readonly cache: CallCache | undefined
  readonly compression: Compression
}

/** What the end of a try says of the provider that was asked. */
import type { ErrorCode, MeshError } from '@agent-mesh/protocol'
import { balanceDefaults } from './defaults.ts'

/**
 * `failed`: it does not work; the breaker counts it. `refused`: it cannot answer this caller. `answered`: it works, although the call
 * failed. `leaving`: it takes no more calls. `nothing`: the caller gave up.
 */
export type Outcome = 'failed' | 'refused' | 'answered' | 'leaving' | 'nothing'

/** Codes of a provider that does not work. Mistakes of callers and errors that handlers intend are not among them. */
const failures: readonly ErrorCode[] = [
  'unavailable',
  'path_lost',
  'deadline_exceeded',
  'overloaded',
  'internal',
]

/** @param ms how long the try took */
export function outcomeOf({ code, told }: MeshError, ms: number): Outcome {
  if (code === 'cancelled' && !told) return 'nothing'
  if (code === 'going_away') return told ? 'leaving' : 'nothing'
  if (code === 'deadline_exceeded' && ms < balanceDefaults.shortDeadlineMs) return 'nothing'
  // This side has no room for the call: every provider would fail so.
  if (code === 'overloaded' && !told) return 'refused'
  if (failures.includes(code)) return 'failed'
  return told ? 'answered' : 'refused'
}

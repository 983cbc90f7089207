/** Times in headers: whole ms, not past, and at most what a u32 holds beside the value for none. */
import { wholeRemainingMs } from '../duration.ts'
import { putU32 } from './integers.ts'
import { maxTimeoutMs, preambleBytes } from './limits.ts'

export const wireMs = (ms: number): number => Math.min(maxTimeoutMs, wholeRemainingMs(ms))

/** Writes into a complete request frame how many ms are left now. */
export const putRemainingMs = (frame: Uint8Array, ms: number): void =>
  putU32(frame, preambleBytes, wireMs(ms))

/** Times in headers: whole ms, not past, and at most what a u32 holds beside the value for none. */
import { putU32 } from './integers.ts'
import { maxTimeoutMs, preambleBytes } from './limits.ts'

export const wireMs = (ms: number): number => Math.max(0, Math.min(maxTimeoutMs, Math.ceil(ms)))

/** Writes into a complete request frame how many ms are left now. */
export const putRemainingMs = (frame: Uint8Array, ms: number): void =>
  putU32(frame, preambleBytes, wireMs(ms))

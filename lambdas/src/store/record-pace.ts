/**
 * How often a member may change its record, as the store keeps it: one time for each member, so it holds over all processes.
 * The generic cell rate algorithm (ITU-T I.371): a change is one interval, and the sum may run ahead of the clock by a burst.
 */
import { MeshError } from '@agent-mesh/protocol/errors'
import { limits } from '@agent-mesh/protocol/limits'

const everyMs = limits.recordEveryMs
const slackMs = (limits.recordsAtOnce - 1) * everyMs

/**
 * Counts one change more.
 * @param pacedUntil what the store has of the member, unix milliseconds; 0 before its first record
 * @returns what it is to have from now on
 * @throws MeshError rate_limited with details `{ retryAfterMs }` when the member changed its record too often
 */
export function pacedAfter(pacedUntil: number, now: number): number {
  // A time that no process can have written yet is of a clock that was ahead: it limits no member.
  const until = pacedUntil > now + slackMs + everyMs ? 0 : pacedUntil
  const retryAfterMs = until - slackMs - now
  if (retryAfterMs <= 0) return Math.max(until, now) + everyMs
  throw new MeshError(
    'rate_limited',
    `Cannot publish record: it changed ${limits.recordsAtOnce} times in the last ${(slackMs + everyMs) / 1_000} s`,
    {
      details: { retryAfterMs },
      hint: `A record changes once in ${everyMs / 1_000} s on average; publish the newest one in ${Math.ceil(retryAfterMs / 1_000)} s.`,
    },
  )
}

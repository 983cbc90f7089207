import { MeshError } from './errors.ts'
import { shownValue } from './shown-value.ts'

/** The longest time that can be asked for, ms: some 285,000 years, exact as a number. */
export const longestDurationMs = Number.MAX_SAFE_INTEGER

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of `500ms`, `1.5s`, `10m`, `24h`, `7d`; undefined for any other text, for less than a millisecond and for more than
 * {@link longestDurationMs}.
 */
export function readDuration(text: string): number | undefined {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  const ms = Math.round(Number(number) * (units[unit] ?? Number.NaN))
  return ms >= 1 && ms <= longestDurationMs ? ms : undefined
}

/**
 * A time that a program asked for, in ms; fractions are kept.
 * @param least 0 where "no time is left" has a meaning of its own
 * @throws MeshError `invalid_argument` for what is no number, NaN, Infinity and numbers out of range
 */
export function checkDuration(value: unknown, action: string, name = 'timeout', least = 0): number {
  if (typeof value === 'number' && value >= least && value <= longestDurationMs) return value
  throw new MeshError(
    'invalid_argument',
    `Cannot ${action}: ${name} is ${shownValue(value)}, not a number of ms`,
    {
      hint: 'Give milliseconds: 5000 for 5 s, 86400000 for a day.',
    },
  )
}

/** ms that subtracting two readings of a clock may add or lose: doubles hold 1e12 ms to a quarter of this. */
const roundingMs = 0.001

/**
 * Whole ms of a remaining time, for a request to another party. Rounded up, so that the caller's own deadline comes first, but never
 * above the whole ms that it had: no hop adds time.
 * @param least what the request can say at least, where it has no value for "no time is left"
 */
export const wholeRemainingMs = (ms: number, least = 0): number => Math.max(least, Math.ceil(ms - roundingMs))

/**
 * What `--json` makes of the values that the command works with: times as ISO 8601, and numbers without the digits that
 * were not measured. What a member answered to a call (`value`, as in `{"value", "peerId", …}`) stays as it is.
 */

/** Names of times, in unix milliseconds, that the parts of the mesh tell each other. */
const timeName = /^(?:at|now|asOf|since|until|expires|credentialExpires|serverTime|lastSeen)$|[a-z]At$/

/** Numbers below are durations and counts: this is the year 2001. */
const firstTime = 1e12
/** The last time that Date can represent. */
const lastTime = 8.64e15

/** Digits behind the point: a microsecond of a duration in ms. */
const digits = 3

/** A copy of `value`, JSON in and JSON out. */
export function forPrograms(value: unknown, name = ''): unknown {
  if (typeof value === 'number') return numberFor(value, name)
  if (Array.isArray(value)) return value.map(each => forPrograms(each, name))
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, key === 'value' ? member : forPrograms(member, key)]),
  )
}

function numberFor(value: number, name: string): number | string {
  if (value >= firstTime && value <= lastTime && timeName.test(name)) return new Date(value).toISOString()
  return Number.isInteger(value) || !Number.isFinite(value) ? value : Number(value.toFixed(digits))
}

import { MeshError } from '@agent-mesh/protocol'

/** Which versions of a service a caller takes. Each version breaks callers of the one before: none stands for another by itself. */
export interface VersionRange {
  /** As it was given. */
  readonly text: string
  includes(version: number): boolean
}

/** Most characters of a range; 20 alternatives of six digits. */
const mostChars = 128
const digits = '([1-9]\\d{0,5})'
const forms: readonly [RegExp, (from: number, to: number) => readonly [number, number]][] = [
  [/^\*$/, () => [1, Infinity]],
  // As in semver: what is compatible with 2. A change that breaks callers takes the next number, so that is 2 alone.
  [new RegExp(`^\\^?${digits}$`), version => [version, version]],
  [new RegExp(`^>=\\s*${digits}$`), from => [from, Infinity]],
  [new RegExp(`^${digits}\\s+-\\s+${digits}$`), (from, to) => [from, to]],
]

/**
 * Reads `2`, `^2` (the same), `1 || 2`, `1 - 3`, `>=2` or `*`.
 * @param action what needs it: `call math`
 * @throws MeshError `invalid_argument`
 */
export function parseVersionRange(text: string, action: string): VersionRange {
  const spans = text.length > mostChars ? [undefined] : text.split('||').map(spanOf)
  if (spans.includes(undefined))
    throw new MeshError(
      'invalid_argument',
      `Cannot ${action}: '${text.slice(0, mostChars)}' is no range of versions`,
      {
        hint: 'Write 2, 1 || 2, 1 - 3, >=2 or *.',
      },
    )
  const known = spans.filter(span => span !== undefined)
  return { text, includes: version => known.some(([from, to]) => version >= from && version <= to) }
}

function spanOf(alternative: string): readonly [number, number] | undefined {
  const text = alternative.trim()
  for (const [pattern, span] of forms) {
    const [matched, from, to] = pattern.exec(text) ?? []
    if (matched === undefined) continue
    const [first, last] = span(Number(from), Number(to))
    return first <= last ? [first, last] : undefined
  }
  return undefined
}

/** `doctor --watch` for programs and pipes: what changed between two examinations. */
import type { Line } from './examine.ts'

/** A check whose state changed, began to apply (without `was`), or no longer applies (without `state`). */
export interface Change extends Partial<Pick<Line, 'state' | 'found' | 'advice'>> {
  check: string
  was?: Line['state']
}

/** Found texts alone, such as remaining times, are no change. A check with several lines has them known by their order. */
export function changesOf(before: readonly Line[], after: readonly Line[]): Change[] {
  const known = byName(before)
  const now = byName(after)
  const changed = [...now].flatMap(([key, { check, state, found, advice }]) => {
    const was = known.get(key)?.state
    if (was === state) return []
    return [
      { check, ...(was !== undefined && { was }), state, found, ...(advice !== undefined && { advice }) },
    ]
  })
  const ended = [...known].flatMap(([key, { check, state }]) => (now.has(key) ? [] : [{ check, was: state }]))
  return [...changed, ...ended]
}

function byName(lines: readonly Line[]): Map<string, Line> {
  const counts = new Map<string, number>()
  return new Map(
    lines.map(line => {
      const number = (counts.get(line.check) ?? 0) + 1
      counts.set(line.check, number)
      return [`${line.check} ${number}`, line]
    }),
  )
}

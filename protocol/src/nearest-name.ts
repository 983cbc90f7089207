/** The known name nearest to a misspelt one. */

/** Names that are further from all known ones are no misspelling. */
const mostEdits = 3

/** The known name with the fewest edits to it, whatever its case; undefined when all are far. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.slice(0, 64).toLowerCase()
  const limit = Math.min(mostEdits, Math.ceil(wanted.length / 2))
  const [best] = known
    .filter(each => Math.abs(each.length - wanted.length) <= limit)
    .map(each => ({ each, edits: editsBetween(wanted, each.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  return best !== undefined && best.edits <= limit ? best.each : undefined
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment distance). */
function editsBetween(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Infinity
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + Number(a[i - 1] !== b[j - 1])
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const edits = [at(i - 1, j) + 1, at(i, j - 1) + 1, replaced]
      row.push(Math.min(...edits, swapped ? at(i - 2, j - 2) + 1 : Infinity))
    }
  }
  return at(a.length, b.length)
}

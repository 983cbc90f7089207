/** Options by their names: a misspelt one would be ignored without a word, and its default taken. */
import { MeshError } from '@agent-mesh/protocol'

/** Names that are further from all known ones are no misspelling. */
const mostEdits = 3

/**
 * @param given options as they were passed; what is no object is checked elsewhere
 * @param place before the names of nested options: `proxy.`
 * @throws MeshError invalid_argument naming the option, and the known one that comes nearest
 */
export function checkNames(given: unknown, known: readonly string[], place = ''): void {
  if (typeof given !== 'object' || given === null) return
  const unknown = Object.keys(given).find(name => !known.includes(name))
  if (unknown === undefined) return
  const nearest = nearestName(unknown, known)
  throw new MeshError(
    'invalid_argument',
    `Cannot start: there is no option ${place}${unknown.slice(0, 64)}`,
    {
      hint:
        nearest === undefined
          ? `The options are ${known.map(name => place + name).join(', ')}.`
          : `Did you mean ${place}${nearest}?`,
    },
  )
}

/** The known name with the fewest edits to it, whatever its case; undefined when all are far. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.slice(0, 64).toLowerCase()
  const byEdits = known.map(each => ({ each, edits: editsBetween(wanted, each.toLowerCase()) }))
  const [best] = byEdits.sort((a, b) => a.edits - b.edits)
  const limit = Math.min(mostEdits, Math.ceil(wanted.length / 2))
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

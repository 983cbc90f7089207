import fc from 'fast-check'
import { expect } from 'vitest'

/** Runs of one fuzz target. */
export const fuzzRuns = Number(process.env['FUZZ_RUNS'] ?? 2_000)

/** Tries a property with `runs` cases; with FUZZ_REPORT it reports their number and duration. */
export async function explore(property: fc.IAsyncProperty<unknown[]>, runs: number): Promise<void> {
  const began = performance.now()
  await fc.assert(property as fc.IAsyncProperty<unknown>, { numRuns: runs })
  if (process.env['FUZZ_REPORT'] === undefined) return
  const { currentTestName = '' } = expect.getState()
  console.log(`${runs} cases in ${((performance.now() - began) / 1000).toFixed(1)} s: ${currentTestName}`)
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const noise = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 64 }),
  fc.stringMatching(/^[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,90}$/),
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 300_000 }))
    .map(([s, n]) => s.repeat(n)),
  fc.integer({ min: 1, max: 50_000 }).map(depth => '['.repeat(depth)),
)

const edit = fc.record({
  at: fc.nat(),
  cut: fc.integer({ min: 0, max: 3 }),
  insert: fc.oneof(
    fc.constant(''),
    fc.string({ maxLength: 3 }),
    fc.constantFrom('.', '=', '\0', ' ', '-', 'A', '\ud800'),
  ),
})

/** Any text, and the `valid` ones with a few characters changed or parts of two of them joined. */
export function hostileText(valid: readonly string[]): fc.Arbitrary<string> {
  const one = fc.constantFrom(...valid)
  const edited = fc.tuple(one, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([text, edits]) =>
    edits.reduce((now, { at, cut, insert }) => {
      const start = at % (now.length + 1)
      return now.slice(0, start) + insert + now.slice(start + cut)
    }, text),
  )
  const joined = fc.tuple(one, one, fc.subarray([0, 1, 2])).map(([a, b, taken]) => {
    const other = b.split('.')
    return a
      .split('.')
      .map((part, i) => (taken.includes(i) ? (other[i] ?? '') : part))
      .join('.')
  })
  return fc.oneof(noise, edited, joined)
}

const names = fc.constantFrom('__proto__', 'constructor', 'toString', '', 'later', 'type', 'gone')
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
  fc.constantFrom<Json>(null, -1, 0, 0.5, 2 ** 53, 1e308, '', '12D3KooW', [], {}),
  fc.integer({ min: 1, max: 20_000 }).map((n): Json => Array.from({ length: n }, () => 1)),
  fc.integer({ min: 1, max: 200_000 }).map((n): Json => 'x'.repeat(n)),
)

/** `tree` with the node at `path` (taken modulo what is there) replaced, removed, or given a field more. */
function changed(tree: Json, path: readonly number[], how: number, name: string, to: Json): Json {
  const [step, ...rest] = path
  if (step === undefined || tree === null || typeof tree !== 'object') return to
  const entries: [string, Json][] = Object.entries(tree)
  const at = step % (entries.length + 1)
  const entry = entries[at]
  if (entry === undefined) entries.push([name, to])
  else if (rest.length === 0 && how === 0) entries.splice(at, 1)
  else entries[at] = [entry[0], changed(entry[1], rest, how, name, to)]
  return Array.isArray(tree) ? entries.map(([, item]) => item) : objectOf(entries)
}

/** Own fields even for `__proto__`, as JSON.parse makes them. */
const objectOf = (entries: [string, Json][]) => Object.fromEntries(entries)

/** Any JSON, and the `valid` values with a few nodes changed. */
export function hostileJson(valid: readonly object[]): fc.Arbitrary<unknown> {
  const change = fc.tuple(fc.array(fc.nat(40), { maxLength: 5 }), fc.nat(2), names, value)
  const mutated = fc
    .tuple(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([tree, changes]) =>
      changes.reduce<Json>((now, [path, how, name, to]) => changed(now, path, how, name, to), tree as Json),
    )
  return fc.oneof(value, mutated)
}

/** A number that is taken, and one above it that is free; Infinity while none is known. */
interface Range {
  low: number
  high: number
}

/** Longest member name, a DNS label. */
const maxLength = 63

/** Names asked for at once when the first wish is taken, and in each later turn of the search. */
const few = 8
/** Numbers tried once the first few are taken: powers of two up to more than any mesh has members. */
const leaps = Array.from({ length: 20 }, (_, i) => 2 ** (i + 4))

/**
 * The search for a free name: `wish`, then `wish-2`, `wish-3`, ...; the wish is shortened where the number needs room. It
 * yields names and is answered which of them are taken. However many names begin alike, it asks for a bounded number of
 * them: by leaps, then between the last that was taken and the first that was free.
 */
export function* freeName(wish: string): Generator<string[], string, ReadonlySet<string>> {
  if (!(yield [wish]).has(wish)) return wish
  const nameOf = (n: number): string => wish.slice(0, maxLength - `-${n}`.length) + `-${n}`
  /** Narrows to a taken number and a free one above it, both among `numbers` or the ends given. */
  function* narrow(
    low: number,
    numbers: number[],
    high: number,
  ): Generator<string[], Range, ReadonlySet<string>> {
    const taken = yield numbers.map(nameOf)
    const free = numbers.findIndex(n => !taken.has(nameOf(n)))
    if (free === -1) return { low: numbers.at(-1) ?? low, high }
    return { low: numbers[free - 1] ?? low, high: numbers[free] ?? high }
  }
  let range = yield* narrow(1, between(1, few + 2), Infinity)
  if (range.high === Infinity) range = yield* narrow(range.low, leaps, Infinity)
  while (range.high - range.low > 1 && range.high !== Infinity)
    range = yield* narrow(range.low, between(range.low, range.high), range.high)
  return nameOf(range.high === Infinity ? 2 ** leaps.length : range.high)
}

/** At most a few numbers, evenly spread above `low` and below `high`. */
function between(low: number, high: number): number[] {
  const step = Math.max(1, Math.ceil((high - low) / (few + 1)))
  return Array.from({ length: few }, (_, i) => low + step * (i + 1)).filter(n => n < high)
}

/** Answers a search from a store. @param takenOf those of the names that are taken */
export async function searchName(
  wish: string,
  takenOf: (names: string[]) => Promise<ReadonlySet<string>>,
): Promise<string> {
  const search = freeName(wish)
  let turn = search.next()
  while (turn.done !== true) turn = search.next(await takenOf(turn.value))
  return turn.value
}

/**
 * JSON from other programs, without a number that changes on the way: JSON.parse makes 12345678901234567000 of 12345678901234567890, and
 * Infinity of 1e400.
 */
import { placeOf } from './json-values.ts'

/** A number in a text that a JavaScript number cannot hold. */
export interface InexactNumber {
  /** `params.items[3].n` */
  readonly place: string
  /** As it stands in the text. */
  readonly text: string
}

/** Long digits or exponents in a text: most texts have none and need no parser. */
const suspicious = /\d{16}|\d[eE]/

/**
 * The first number in a JSON text, which JSON.parse takes, that would become another one: integers beyond 2^53 that no double
 * equals, and numbers too large or too small for a double. Fractions are rounded as everywhere. `root` names the value in places.
 */
export function inexactNumber(json: string, root: string): InexactNumber | undefined {
  if (!suspicious.test(json)) return undefined
  for (const number of numbersOf(json, root)) if (!isExact(number.text)) return number
  return undefined
}

function isExact(text: string): boolean {
  const value = Number(text)
  if (!Number.isFinite(value)) return false
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(value) || BigInt(text) === BigInt(value)
  return value !== 0 || !/^[^eE]*[1-9]/.test(text)
}

/** Where the parser is: in an array with an index, or in an object with the key last read. */
interface Level {
  readonly place: string
  readonly array: boolean
  index: number
  key: string | undefined
}

const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[[\]{},:]/gs

function* numbersOf(json: string, root: string): Generator<InexactNumber> {
  const levels: Level[] = []
  const here = (): string => {
    const level = levels.at(-1)
    if (level === undefined) return root
    return level.array ? `${level.place}[${level.index}]` : placeOf(level.place, level.key ?? '')
  }
  for (const [token] of json.matchAll(tokens)) {
    const level = levels.at(-1)
    if (token === '{' || token === '[') {
      levels.push({ place: here(), array: token === '[', index: 0, key: undefined })
    } else if (token === '}' || token === ']') {
      levels.pop()
    } else if (token === ',') {
      if (level !== undefined) Object.assign(level, { index: level.index + 1, key: undefined })
    } else if (token.startsWith('"')) {
      // The first text of a property is its key.
      if (level !== undefined && !level.array) level.key ??= JSON.parse(token) as string
    } else if (token !== ':') {
      yield { place: here(), text: token }
    }
  }
}

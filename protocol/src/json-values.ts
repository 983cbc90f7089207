/**
 * The values of JavaScript that JSON carries. JSON.stringify turns NaN into null, a Map into {} and drops functions without a word: a caller who
 * sends such a value would never learn that another one arrived.
 */

/** A part of a value that JSON cannot carry: `params.items[3].n` and `NaN`. */
export class UnsoundPart extends Error {
  readonly place: string
  readonly what: string

  constructor(place: string, what: string) {
    super(`${place} is ${what}`)
    this.place = place
    this.what = what
  }
}

/** Built-in objects that JSON.stringify turns into {} or into an object of bytes. */
const unfit = [Map, Set, WeakMap, WeakSet, Promise, RegExp, Error, ArrayBuffer] as const

/**
 * Whether JSON carries all of a value: strings, booleans, null, finite numbers, and arrays and objects of these. Properties that are
 * undefined are left out, as everywhere in JSON; a Date becomes its ISO text, as does what else has a toJSON. -0 becomes 0.
 * Not sound: NaN, Infinity, BigInt, functions, symbols, undefined in an array, Map, Set, instances of other classes, bytes inside a
 * value, cycles.
 *
 * A quick look: false is no verdict yet, {@link soundJson} gives that.
 */
function isPlainlySound(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return value - value === 0
    case 'object':
      return value === null || (Array.isArray(value) ? areSoundItems(value) : isSoundObject(value))
    default:
      return false
  }
}

/** Not Array.every: that skips holes, which JSON.stringify makes null. */
function areSoundItems(items: readonly unknown[]): boolean {
  for (let at = 0; at < items.length; at++) if (!isPlainlySound(items[at])) return false
  return true
}

function isSoundObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const key in value) {
    const part = (value as Record<string, unknown>)[key]
    if (part !== undefined && !isPlainlySound(part)) return false
  }
  return typeof (value as { toJSON?: unknown }).toJSON !== 'function'
}

/** The JSON text of a value that needs no closer look: the hot path of {@link soundJson}. @returns undefined where it does */
function plainJson(value: unknown): string | undefined {
  try {
    return isPlainlySound(value) ? JSON.stringify(value) : undefined
  } catch {
    // A cycle, or a getter that throws: {@link soundJson} reports it.
    return undefined
  }
}

/**
 * The JSON text of a value that JSON carries; undefined has none. `root` names the value in places. Each toJSON is called once.
 * @throws UnsoundPart for the first part that JSON does not carry; RangeError for what is nested too deeply; what a getter throws
 */
export function soundJson(value: unknown, root: string): string | undefined {
  if (value === undefined) return undefined
  return plainJson(value) ?? JSON.stringify(value, checking(root))
}

interface Level {
  readonly holder: unknown
  readonly place: string
}

/** Looks at each value that JSON.stringify meets, after its toJSON, on the way down from the first. */
function checking(root: string): (this: unknown, key: string, value: unknown) => unknown {
  const above: Level[] = []
  return function (key, value) {
    while (above.length > 0 && above.at(-1)?.holder !== this) above.pop()
    const over = above.at(-1)
    const place = over === undefined ? root : partOf(over, key)
    const what = faultOf(value, (this as Record<string, unknown>)[key], Array.isArray(this))
    if (what !== undefined) throw new UnsoundPart(place, what)
    if (typeof value === 'object' && value !== null) {
      if (above.some(({ holder }) => holder === value)) throw new UnsoundPart(place, 'a cycle')
      above.push({ holder: value, place })
    }
    return value
  }
}

const partOf = ({ holder, place }: Level, key: string): string =>
  Array.isArray(holder) ? `${place}[${key}]` : placeOf(place, key)

/** What is wrong with a value; `original` is what it was before its toJSON. */
function faultOf(value: unknown, original: unknown, inArray: boolean): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return inArray ? 'undefined' : undefined
    case 'number':
      return Number.isFinite(value) ? undefined : String(value)
    case 'bigint':
      return `the BigInt ${shortened(String(value))}`
    case 'function':
    case 'symbol':
      return `a ${typeof value}`
    case 'object':
      return faultOfObject(value, original)
    default:
      return undefined
  }
}

function faultOfObject(value: object | null, original: unknown): string | undefined {
  if (ArrayBuffer.isView(original)) return `bytes (${original.constructor.name})`
  if (original instanceof Date && Number.isNaN(original.getTime())) return 'an invalid Date'
  if (value instanceof Number) return faultOf(value.valueOf(), value, false)
  const kind = unfit.find(type => value instanceof type)?.name ?? classOf(value, original)
  return kind === undefined ? undefined : `${/^[AEi]/.test(kind) ? 'an' : 'a'} ${kind}`
}

/** The class of an instance that says itself nowhere what its JSON is; undefined for objects of any realm, lists, and the rest. */
function classOf(value: object | null, original: unknown): string | undefined {
  if (value === null || value !== original || Array.isArray(value)) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined
  if (value instanceof String || value instanceof Boolean) return undefined
  return `instance of ${shortened(value.constructor.name)}`
}

/** `params.items`, or `params["a b"]` where the key is no word. */
export const placeOf = (place: string, key: string): string =>
  /^[\w$-]{1,64}$/.test(key) ? `${place}.${key}` : `${place}[${JSON.stringify(shortened(key))}]`

const shortened = (text: string): string => (text.length > 64 ? `${text.slice(0, 64)}…` : text)

/**
 * What of JavaScript's values JSON carries. JSON.stringify turns NaN into null, a Map into {} and drops functions without a word: whoever
 * sends such a value would never learn that another one arrived.
 */

/** What is wrong with a value, and where: `params.items[3].n` and `NaN`. */
export interface Unsound {
  readonly place: string
  readonly what: string
}

/** Built-in objects that JSON.stringify turns into {} or into an object of bytes. */
const unfit = [Map, Set, WeakMap, WeakSet, Promise, RegExp, Error, ArrayBuffer] as const

/**
 * Whether JSON carries all of a value: strings, booleans, null, finite numbers, and arrays and objects of these. Properties that are
 * undefined are left out, as everywhere in JSON; a Date becomes its ISO text, as does what else has a toJSON. -0 becomes 0.
 * Not sound: NaN, Infinity, BigInt, functions, symbols, undefined in an array, Map, Set, bytes inside a value, cycles.
 *
 * The quick look at plain values, for the hot path: false is no verdict yet, {@link unsoundPart} gives that.
 */
export function isPlainlySound(value: unknown): boolean {
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

/** The first part of a value that JSON cannot carry; undefined when it carries all. `root` names the value in places. */
export function unsoundPart(value: unknown, root: string): Unsound | undefined {
  return value === undefined ? undefined : look(value, root, '', new Set())
}

function look(value: unknown, place: string, key: string, above: Set<object>): Unsound | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : { place, what: String(value) }
    case 'bigint':
      return hasToJson(value) ? undefined : { place, what: `the BigInt ${shortened(String(value))}` }
    case 'object':
      return value === null ? undefined : lookInto(value, place, key, above)
    default:
      return { place, what: typeof value === 'undefined' ? 'undefined' : `a ${typeof value}` }
  }
}

function lookInto(value: object, place: string, key: string, above: Set<object>): Unsound | undefined {
  if (above.has(value)) return { place, what: 'a cycle' }
  if (hasToJson(value) && !ArrayBuffer.isView(value)) return lookAtJson(value, place, key, above)
  const kind = unfit.find(type => value instanceof type)
  if (ArrayBuffer.isView(value)) return { place, what: `bytes (${value.constructor.name})` }
  if (kind !== undefined) return { place, what: `${/^[AE]/.test(kind.name) ? 'an' : 'a'} ${kind.name}` }
  if (value instanceof Number || value instanceof String || value instanceof Boolean)
    return look(value.valueOf(), place, key, above)
  above.add(value)
  const found = Array.isArray(value)
    ? lookAtItems(value, place, above)
    : lookAtProperties(value, place, above)
  above.delete(value)
  return found
}

/** What an object says it is in JSON; of a Date that is none, null. */
function lookAtJson(
  value: { toJSON(key: string): unknown },
  place: string,
  key: string,
  above: Set<object>,
): Unsound | undefined {
  if (value instanceof Date && Number.isNaN(value.getTime())) return { place, what: 'an invalid Date' }
  const json = value.toJSON(key)
  if (json === value || json === undefined) return undefined
  return look(json, place, key, new Set([...above, value]))
}

function lookAtItems(items: readonly unknown[], place: string, above: Set<object>): Unsound | undefined {
  for (let at = 0; at < items.length; at++) {
    const found = look(items[at], `${place}[${at}]`, String(at), above)
    if (found !== undefined) return found
  }
  return undefined
}

function lookAtProperties(value: object, place: string, above: Set<object>): Unsound | undefined {
  for (const [key, part] of Object.entries(value)) {
    const found = part === undefined ? undefined : look(part, placeOf(place, key), key, above)
    if (found !== undefined) return found
  }
  return undefined
}

const hasToJson = (value: unknown): value is { toJSON(key: string): unknown } =>
  typeof (value as { toJSON?: unknown }).toJSON === 'function'

/** `params.items`, or `params["a b"]` where the key is no word. */
export const placeOf = (place: string, key: string): string =>
  /^[\w$-]{1,64}$/.test(key) ? `${place}.${key}` : `${place}[${JSON.stringify(shortened(key))}]`

const shortened = (text: string): string => (text.length > 64 ? `${text.slice(0, 64)}…` : text)

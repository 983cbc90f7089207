import { createHash } from 'node:crypto'
import type { Plan } from '../call/plan.ts'
import { cacheDefaults } from './defaults.ts'

/**
 * What calls with the same answer have in common: version and method, canonical params, and the member or the routing key when one is named.
 * @param peerId of the only member asked
 */
export function cacheKey(
  { wireName, params, key: routing }: Pick<Plan, 'wireName' | 'params' | 'key'>,
  peerId = '',
): string {
  const { json, tail } = params
  const value = json === undefined ? '' : canonical(json)
  const key = `${wireName} ${peerId} ${routing === undefined ? '' : JSON.stringify(routing)} ${value}`
  if (tail === undefined && key.length <= cacheDefaults.keyChars) return key
  // The length of the text keeps it apart from the bytes that follow.
  const hash = createHash('sha256').update(`${key.length} ${key}`)
  if (tail !== undefined) hash.update(tail)
  return `${wireName} ${hash.digest('base64')}`
}

/** JSON text with the keys of every object in order: `{a, b}` and `{b, a}` ask the same. */
function canonical(json: string): string {
  return json.includes('{') ? JSON.stringify(JSON.parse(json), inOrder) : json
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value)
  if (entries.length < 2) return value
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

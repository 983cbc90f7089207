/** JSON Schema as people write types: `{a: number, b?: string[]}`. */

/** Objects within objects that are written out. */
const mostLevels = 3
/** Lists and alternatives within each other. */
const mostDepth = 8
/** Parts of a type that are looked at: a schema of another member may have no end. */
const mostParts = 500
/** Characters that fit a cell of a table. */
const cellCharacters = 120

/**
 * A schema of another member: any value, of which little is believed. What is not understood is `any`.
 * @param most characters; the rest is cut
 */
export function typeText(schema: unknown, most: number = cellCharacters): string {
  const text = typeOf(schema, { levels: mostLevels, depth: mostDepth, parts: { left: mostParts } })
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

type Schema = Readonly<Record<string, unknown>>

interface Room {
  levels: number
  depth: number
  /** Shared by all parts. */
  parts: { left: number }
}

const within = (room: Room): Room => ({ ...room, depth: room.depth - 1 })

function typeOf(value: unknown, room: Room): string {
  if (typeof value !== 'object' || value === null || room.depth === 0 || --room.parts.left < 0) return 'any'
  const schema = value as Schema
  if ('const' in schema) return JSON.stringify(schema['const'])
  const { enum: choices, anyOf, oneOf, type } = schema
  if (Array.isArray(choices)) return choices.map(choice => JSON.stringify(choice)).join(' | ')
  const variants = anyOf ?? oneOf
  if (Array.isArray(variants)) return variants.map(each => typeOf(each, within(room))).join(' | ')
  if (Array.isArray(type)) return type.map(each => (typeof each === 'string' ? each : 'any')).join(' | ')
  if (type === 'object') return objectText(schema, room)
  if (type === 'array') return listText(schema['items'], typeOf(schema['items'], within(room)))
  return typeof type === 'string' ? type : 'any'
}

/** Alternatives stand in brackets. */
function listText(items: unknown, text: string): string {
  const { type } = (items ?? {}) as Schema
  return text.includes(' | ') && type !== 'object' && type !== 'array' ? `(${text})[]` : `${text}[]`
}

function objectText({ properties, required }: Schema, room: Room): string {
  if (typeof properties !== 'object' || properties === null || room.levels === 0) return 'object'
  const inner = { ...within(room), levels: room.levels - 1 }
  const needed = new Set(Array.isArray(required) ? required : [])
  const fields = Object.entries(properties)
    .slice(0, 32)
    .map(([name, schema]) => `${name}${needed.has(name) ? '' : '?'}: ${typeOf(schema, inner)}`)
  return fields.length === 0 ? 'object' : `{${fields.join(', ')}}`
}

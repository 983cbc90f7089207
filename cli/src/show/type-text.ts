/** JSON Schema as people write types: `{a: number, b?: string}`. */

/** Levels of objects that are written out, and characters in all. */
const mostLevels = 3
const mostCharacters = 120

/** A schema of another member: any value, of which little is believed. What is not understood is `any`. */
export function typeText(schema: unknown): string {
  const text = typeOf(schema, mostLevels)
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1)}…`
}

type Schema = Readonly<Record<string, unknown>>

function typeOf(value: unknown, levels: number): string {
  if (typeof value !== 'object' || value === null || levels === 0) return 'any'
  const schema = value as Schema
  if ('const' in schema) return JSON.stringify(schema['const'])
  const { enum: choices, anyOf, oneOf, type } = schema
  if (Array.isArray(choices)) return choices.map(choice => JSON.stringify(choice)).join(' | ')
  const variants = anyOf ?? oneOf
  if (Array.isArray(variants)) return variants.map(each => typeOf(each, levels - 1)).join(' | ')
  if (Array.isArray(type)) return type.map(each => (typeof each === 'string' ? each : 'any')).join(' | ')
  if (type === 'object') return objectText(schema, levels)
  if (type === 'array') return `${typeOf(schema['items'], levels - 1)}[]`
  return typeof type === 'string' ? type : 'any'
}

function objectText({ properties, required }: Schema, levels: number): string {
  if (typeof properties !== 'object' || properties === null) return 'object'
  const needed = new Set(Array.isArray(required) ? required : [])
  const fields = Object.entries(properties)
    .slice(0, 32)
    .map(([name, schema]) => `${name}${needed.has(name) ? '' : '?'}: ${typeOf(schema, levels - 1)}`)
  return fields.length === 0 ? 'object' : `{${fields.join(', ')}}`
}

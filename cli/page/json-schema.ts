/** The fields of a form, from the JSON Schema of the params of a method, and the params that were written into it. */

export type FieldKind = 'text' | 'number' | 'boolean' | 'choice' | 'json'

export interface Field {
  /** Of the property. */
  name: string
  kind: FieldKind
  required: boolean
  /** JSON texts, of a choice. */
  choices: readonly string[]
  about?: string | undefined
}

export interface Schema {
  type?: unknown
  properties?: unknown
  required?: unknown
  enum?: unknown
  const?: unknown
  description?: unknown
}

/** Undefined: the params are no object of known properties, and are written as JSON. */
export function fieldsOf({ type, properties, required }: Schema): Field[] | undefined {
  if (type !== 'object' || typeof properties !== 'object' || properties === null) return undefined
  const needed = Array.isArray(required) ? (required as unknown[]) : []
  return Object.entries(properties as Record<string, Schema | null>).map(([name, property]) => ({
    name,
    required: needed.includes(name),
    ...kindOf(property ?? {}),
    ...(typeof property?.description === 'string' && { about: property.description }),
  }))
}

function kindOf({ type, enum: values, ...rest }: Schema): Pick<Field, 'kind' | 'choices'> {
  const choices = 'const' in rest ? [rest.const] : values
  if (Array.isArray(choices)) return { kind: 'choice', choices: choices.map(value => JSON.stringify(value)) }
  if (type === 'string') return { kind: 'text', choices: [] }
  if (type === 'number' || type === 'integer') return { kind: 'number', choices: [] }
  return { kind: type === 'boolean' ? 'boolean' : 'json', choices: [] }
}

/**
 * The params, of what was written. A field that is empty and need not be there is left out.
 * @throws Error which names the field
 */
export function paramsOf(fields: readonly Field[], written: Readonly<Record<string, string>>): unknown {
  return Object.fromEntries(
    fields.flatMap(({ name, kind, required }) => {
      const text = written[name] ?? ''
      if (text === '' && !required) return []
      return [[name, valueOf(name, kind, text)]]
    }),
  )
}

function valueOf(name: string, kind: FieldKind, text: string): unknown {
  if (kind === 'text') return text
  if (kind === 'number') {
    const value = Number(text)
    if (text.trim() === '' || !Number.isFinite(value)) throw new Error(`${name} is not a number.`)
    return value
  }
  try {
    return JSON.parse(text === '' && kind === 'boolean' ? 'false' : text) as unknown
  } catch {
    throw new Error(`${name} is not JSON.`)
  }
}

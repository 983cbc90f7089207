/** Items as plain objects, and how DynamoDB writes them down. */

/** What a value is on the wire, as far as this store writes it. */
export interface AttributeValue {
  S?: string
  N?: string
  BOOL?: boolean
  L?: AttributeValue[]
}

export type Value = string | number | boolean | readonly string[]
/** Undefined is left out. */
export type Item = Record<string, Value | undefined>

const toAttribute = (value: Value): AttributeValue => {
  if (typeof value === 'string') return { S: value }
  if (typeof value === 'number') return { N: String(value) }
  if (typeof value === 'boolean') return { BOOL: value }
  return { L: value.map(text => ({ S: text })) }
}

const fromAttribute = ({ S, N, BOOL, L }: AttributeValue): Value => {
  if (S !== undefined) return S
  if (N !== undefined) return Number(N)
  if (BOOL !== undefined) return BOOL
  return (L ?? []).map(({ S: text = '' }) => text)
}

export const toAttributes = (item: Item): Record<string, AttributeValue> =>
  Object.fromEntries(
    Object.entries(item).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, toAttribute(value)]],
    ),
  )

export const fromAttributes = (attributes: Record<string, AttributeValue>): Item =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, fromAttribute(value)]))

export const text = (item: Item, name: string): string => String(item[name] ?? '')
export const number = (item: Item, name: string): number => Number(item[name] ?? 0)
export const list = (item: Item, name: string): string[] => {
  const value = item[name]
  return Array.isArray(value) ? [...(value as string[])] : []
}

/** `{ [field]: value }`, or nothing when the item has none, as optional properties want it. */
export const optional = <F extends string, V extends Value>(item: Item, field: F): { [K in F]?: V } =>
  (item[field] === undefined ? {} : { [field]: item[field] }) as { [K in F]?: V }

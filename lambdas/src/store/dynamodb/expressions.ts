/** Update and condition expressions. Attribute names are always aliased: DynamoDB reserves many common words. */
import { toAttributes, type AttributeValue, type Item } from './item.ts'

/** `#name` is an attribute, `:name` a value of `values`. */
export interface Condition {
  expression: string
  values?: Item
}

export interface Update {
  /** Undefined values are removed. */
  set?: Item
  /** Numbers that rise or fall; 0 where there is none. */
  add?: Record<string, number>
}

export interface Expression {
  update?: string
  condition?: string
  names: Record<string, string>
  values: Record<string, AttributeValue>
}

export const when = (expression: string, values?: Item): Condition => ({
  expression,
  ...(values === undefined ? {} : { values }),
})

/** All of them; undefined when there are none. */
export const allOf = (...conditions: (Condition | undefined)[]): Condition => {
  const given = conditions.filter(condition => condition !== undefined)
  return {
    expression: given.map(({ expression }) => `(${expression})`).join(' AND '),
    values: Object.assign({}, ...given.map(({ values }) => values)) as Item,
  }
}

/** The attribute is as it was read: that value, or absent. */
export const asRead = (name: string, value: string | number | undefined): Condition =>
  value === undefined
    ? when(`attribute_not_exists(#${name})`)
    : when(`#${name} = :read_${name}`, { [`:read_${name}`]: value })

export function expressionOf({ set = {}, add = {} }: Update, condition?: Condition): Expression {
  const sets: string[] = []
  const removes: string[] = []
  const values: Item = { ...condition?.values }
  for (const [name, value] of Object.entries(set))
    if (value === undefined) removes.push(`#${name}`)
    else {
      sets.push(`#${name} = :set_${name}`)
      values[`:set_${name}`] = value
    }
  for (const [name, by] of Object.entries(add)) {
    sets.push(`#${name} = if_not_exists(#${name}, :none) + :by_${name}`)
    Object.assign(values, { ':none': 0, [`:by_${name}`]: by })
  }
  const update = [
    ...(sets.length > 0 ? [`SET ${sets.join(', ')}`] : []),
    ...(removes.length > 0 ? [`REMOVE ${removes.join(', ')}`] : []),
  ].join(' ')
  const used = `${update} ${condition?.expression ?? ''}`.match(/#\w+/g) ?? []
  return {
    ...(update === '' ? {} : { update }),
    ...(condition === undefined ? {} : { condition: condition.expression }),
    names: Object.fromEntries(used.map(alias => [alias, alias.slice(1)])),
    values: toAttributes(values),
  }
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resilienceOf } from './resilience.ts'

const page = readFileSync(join(import.meta.dirname, '../../../..', 'docs/services.md'), 'utf8')

/** Settings by path: `breaker.openMs`. */
function flat(settings: object, prefix = ''): [string, number][] {
  return Object.entries(settings).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null
      ? flat(value, `${prefix}${name}.`)
      : [[prefix + name, value as number] as [string, number]],
  )
}

/** Rows of the table of `createAgent({ resilience })`; one may have several settings, separated by commas. */
function documented(): Map<string, { value: string; reason: string }> {
  const table = page.slice(page.indexOf('| `createAgent({ resilience })` |')).split('\n\n', 1)[0] ?? ''
  const rows = table.split('\n').slice(2)
  return new Map(
    rows.flatMap(row => {
      const [, names = '', values = '', reason = ''] = row
        .split(' | ')
        .map(cell => cell.replace(/^\| | \|$/g, ''))
        .reduce<string[]>((cells, cell) => [...cells, cell], [''])
      const group = /`(\w+)\./.exec(names)?.[1]
      return [...names.matchAll(/`([\w.]+)`/g)].map(
        ([, name = ''], i): [string, { value: string; reason: string }] => [
          name.includes('.') || group === undefined ? name : `${group}.${name}`,
          { value: values.split(', ')[i] ?? '', reason },
        ],
      )
    }),
  )
}

test('each default of resilience stands in docs/services.md with its reason, and nothing else does', () => {
  const table = documented()
  const defaults = flat(resilienceOf())
  expect([...table.keys()].sort()).toEqual(defaults.map(([name]) => name).sort())
  for (const [name, value] of defaults) {
    expect(table.get(name)?.value, name).toBe(value.toLocaleString('en-US'))
    expect(table.get(name)?.reason.length, name).toBeGreaterThan(20)
  }
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import * as callDefaults from '../call/defaults.ts'
import { balanceDefaults } from './defaults.ts'
import { resilienceOf } from './resilience.ts'

/** Settings by path: `breaker.openMs`. */
function flat(settings: object, prefix = ''): [string, number][] {
  return Object.entries(settings).flatMap(([name, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null
      ? flat(value, `${prefix}${name}.`)
      : [[prefix + name, value as number] as [string, number]],
  )
}

/** The three cells of each row of the table with this head: names, values, reason. */
function rowsOf(page: string, head: string): [string, string, string][] {
  const text = readFileSync(join(import.meta.dirname, '../../../../docs', page), 'utf8')
  const [table = ''] = text.slice(text.indexOf(head)).split('\n\n', 1)
  return table
    .split('\n')
    .slice(2)
    .map(row => row.replace(/^\| | \|$/g, '').split(' | ') as [string, string, string])
}

/** Settings of a row, which may have several, separated by commas: `breaker.ratio`, `minCalls`. */
function settingsOf([names, values, reason]: [string, string, string]) {
  const group = /`(\w+)\./.exec(names)?.[1]
  return [...names.matchAll(/`([\w.]+)`/g)].map(([, name = ''], i) => ({
    name: name.includes('.') || group === undefined ? name : `${group}.${name}`,
    value: values.split(', ')[i],
    reason,
  }))
}

it.each([
  ['services.md', '| `createAgent({ resilience })` |', flat(resilienceOf())],
  ['calls.md', '| name in the code |', flat({ ...callDefaults, ...balanceDefaults })],
])('each default stands in docs/%s with its reason, and nothing else does', (page, head, defaults) => {
  const documented = rowsOf(page, head).flatMap(settingsOf)
  expect(documented.map(({ name }) => name).sort()).toEqual(defaults.map(([name]) => name).sort())
  for (const { name, value, reason } of documented) {
    expect(value, name).toBe(new Map(defaults).get(name)?.toLocaleString('en-US'))
    expect(reason.length, name).toBeGreaterThan(20)
  }
})

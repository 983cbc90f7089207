import { expect, test } from 'vitest'

import { asVariables, serviceObjects } from './service-objects.ts'

const call = (...args: unknown[]) => Promise.resolve(args)

test('a service is an object by its name, in its newest version, and by each version', async () => {
  const services = serviceObjects(
    new Map([
      ['math@10', ['add', 'sub']],
      ['math@9', ['add', 'old']],
    ]),
    call,
  ) as Record<string, Record<string, (...args: unknown[]) => Promise<unknown>>>
  expect(await services['math']!['sub']!({ a: 1 }, { peer: 'x' })).toEqual([
    'math.sub',
    { a: 1 },
    { peer: 'x' },
  ])
  expect(await services['math@9']!['old']!()).toEqual(['math@9.old', undefined, undefined])
})

test('a service within another one is reached through it', async () => {
  const services = serviceObjects(
    new Map([
      ['shop@1', ['price']],
      ['shop.orders@1', ['list']],
    ]),
    call,
  ) as { shop: { price: () => Promise<unknown>; orders: { list: () => Promise<unknown> } } }
  expect(await services.shop.price()).toEqual(['shop.price', undefined, undefined])
  expect(await services.shop.orders.list()).toEqual(['shop.orders.list', undefined, undefined])
})

test('names of other members call nothing and hide nothing', () => {
  const hostile = ['then', '__proto__', 'constructor', 'a b', '\u001b[2J']
  const services = serviceObjects(
    new Map([
      ['process@1', hostile],
      ['my-own@1', ['x']],
      ['plain@1', ['y']],
    ]),
    call,
  )
  expect(Object.keys(services['process'] as object)).toEqual(['constructor'])
  expect(Object.getPrototypeOf(services['process'])).toBe(null)
  expect(Object.keys(asVariables(services))).toEqual(['plain'])
})

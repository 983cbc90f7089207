import { expect, test } from 'vitest'

import { asVariables, serviceObjects } from './service-objects.ts'

const use = {
  calls: (...args: unknown[]) => Promise.resolve(args),
  streams: (...args: unknown[]) => ['stream', ...args],
}
const called = (...names: string[]) => names.map(name => ({ name, kind: 'calls' as const }))

test('a service is an object by its name, in its newest version, and by each version', async () => {
  const services = serviceObjects(
    new Map([
      ['math@10', called('add', 'sub')],
      ['math@9', called('add', 'old')],
    ]),
    use,
  ) as Record<string, Record<string, (...args: unknown[]) => Promise<unknown>>>
  expect(await services['math']!['sub']!({ a: 1 }, { peer: 'x' })).toEqual([
    'math.sub',
    { a: 1 },
    { peer: 'x' },
  ])
  expect(await services['math@9']!['old']!()).toEqual(['math@9.old', undefined, undefined])
})

test('a method that streams is one of its service, too', () => {
  const methods = [...called('add'), { name: 'tail', kind: 'streams' as const }]
  const { log } = serviceObjects(new Map([['log@1', methods]]), use) as Record<
    string,
    Record<string, (...args: unknown[]) => unknown>
  >
  expect(log!['tail']!({ file: 'a' })).toEqual(['stream', 'log.tail', { file: 'a' }, undefined])
})

test('a service within another one is reached through it', async () => {
  const services = serviceObjects(
    new Map([
      ['shop@1', called('price')],
      ['shop.orders@1', called('list')],
    ]),
    use,
  ) as { shop: { price: () => Promise<unknown>; orders: { list: () => Promise<unknown> } } }
  expect(await services.shop.price()).toEqual(['shop.price', undefined, undefined])
  expect(await services.shop.orders.list()).toEqual(['shop.orders.list', undefined, undefined])
})

test('names of other members call nothing and hide nothing', () => {
  const hostile = ['then', '__proto__', 'constructor', 'a b', '\u001b[2J']
  const services = serviceObjects(
    new Map([
      ['process@1', called(...hostile)],
      ['my-own@1', called('x')],
      ['plain@1', called('y')],
    ]),
    use,
  )
  expect(Object.keys(services['process'] as object)).toEqual(['constructor'])
  expect(Object.getPrototypeOf(services['process'])).toBe(null)
  expect(Object.keys(asVariables(services))).toEqual(['plain'])
})

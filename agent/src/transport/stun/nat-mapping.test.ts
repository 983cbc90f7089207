import { expect, test } from 'vitest'
import { natMapping } from './nat-mapping.ts'

test.each([
  ['blocked', []],
  ['open', [['a:1', '192.0.2.2', 5]]],
  ['one-server', [['a:1', '198.51.100.1', 5]]],
  [
    'one-server',
    [
      ['a:1', '198.51.100.1', 5],
      ['a:1', '198.51.100.1', 5],
    ],
  ],
  [
    'cone',
    [
      ['a:1', '198.51.100.1', 5],
      ['a:2', '198.51.100.1', 5],
    ],
  ],
  [
    'symmetric',
    [
      ['a:1', '198.51.100.1', 5],
      ['a:2', '198.51.100.1', 6],
    ],
  ],
  [
    'symmetric',
    [
      ['a:1', '198.51.100.1', 5],
      ['b:1', '198.51.100.2', 5],
    ],
  ],
] as const)('a NAT is %s by what %j saw', (mapping, seen) => {
  const answers = seen.map(([server, host, port]) => ({ server, mapped: { host, port } }))
  expect(natMapping(answers, ['192.0.2.2', '10.0.0.2'])).toBe(mapping)
})

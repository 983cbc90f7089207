import { expect, it } from 'vitest'
import { refusal } from '../../../../test/support/refusal.ts'
import { parseVersionRange } from './version-range.ts'

it.each([
  ['2', [2]],
  ['^2', [2]],
  ['1 || 2', [1, 2]],
  [' 4||1 ', [1, 4]],
  ['1 - 3', [1, 2, 3]],
  ['>=3', [3, 4, 5]],
  ['>= 5 || ^1', [1, 5]],
  ['*', [1, 2, 3, 4, 5]],
])('%j takes the versions %j of 1 to 5', (text, taken) => {
  const { includes } = parseVersionRange(text, 'call math')
  expect([1, 2, 3, 4, 5].filter(includes)).toEqual(taken)
})

it.each([
  '',
  '0',
  '01',
  'x',
  '1.0',
  '~1',
  '^1.2.3',
  '1-2',
  '3 - 1',
  '1 ||',
  '<2',
  '1000000',
  '1 || '.repeat(30) + '1',
])('%j is no range', async text => {
  expect(await refusal(() => parseVersionRange(text, 'call math'))).toContain(
    `invalid_argument: Cannot call math: '${text.slice(0, 128)}' is no range of versions`,
  )
})

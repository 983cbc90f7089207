import { describe, expect, it } from 'vitest'
import { checkDuration, longestDurationMs, readDuration } from './duration.ts'

describe('readDuration()', () => {
  it.each([
    ['500ms', 500],
    ['1.5s', 1_500],
    ['10m', 600_000],
    ['25d', 2_160_000_000],
    ['400d', 34_560_000_000],
    ['104249991d', 9_007_199_222_400_000],
  ])('%s is %d ms', (text, ms) => expect(readDuration(text)).toBe(ms))

  it.each([
    '',
    '5',
    '5 s',
    '-5s',
    '0s',
    '0.1ms',
    'NaNs',
    'Infinityd',
    '1e3s',
    '5S',
    `${'9'.repeat(400)}d`,
    '104249992d',
  ])('%j is none', text => expect(readDuration(text)).toBeUndefined())
})

describe('checkDuration()', () => {
  it.each([0, 0.5, 1, 2 ** 31, 2 ** 32, longestDurationMs])('takes %d', ms =>
    expect(checkDuration(ms, 'call a.b')).toBe(ms),
  )

  it.each([
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [-1, '-1'],
    [2 ** 53, '9007199254740992'],
    ['5s', "'5s'"],
    [null, 'null'],
    [5n, '5'],
    [Symbol('x'), 'Symbol(x)'],
    [Object.create(null), 'an object'],
    [true, 'true'],
  ])('refuses %s', (value, shown) => {
    expect(() => checkDuration(value, 'call a.b')).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message: `Cannot call a.b: timeout is ${shown}, not a number of ms`,
      }) as Error,
    )
  })
})

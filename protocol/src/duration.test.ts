import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkDuration, longestDurationMs, readDuration, wholeRemainingMs } from './duration.ts'

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

describe('wholeRemainingMs()', () => {
  /** Monotonic ms, of a clock that counts nanoseconds. */
  const startedAt = fc.integer({ min: 0, max: 4e15 }).map(ns => ns / 1e6)
  const timeout = fc.integer({ min: 1, max: 0xffff_ffff })
  const elapsed = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2e9, noNaN: true }))

  it('is at most the timeout, and less by no more than what has elapsed', () => {
    fc.assert(
      fc.property(startedAt, timeout, elapsed, (start, ms, gone) => {
        const left = wholeRemainingMs(start + ms - (start + gone))
        expect(left).toBeLessThanOrEqual(ms)
        expect(left).toBeGreaterThanOrEqual(Math.max(0, ms - gone - 0.002))
        expect(left).toBeLessThan(Math.max(1, ms - gone + 1))
      }),
    )
  })

  it('loses nothing where no time has passed, whatever the clock says', () => {
    fc.assert(
      fc.property(startedAt, timeout, (start, ms) => {
        expect(wholeRemainingMs(start + ms - start)).toBe(ms)
      }),
    )
  })

  it('never grows from hop to hop, each with its own clock', () => {
    const hops = fc.array(fc.tuple(startedAt, fc.double({ min: 0, max: 50, noNaN: true })), { minLength: 2 })
    fc.assert(
      fc.property(timeout, hops, (asked, members) => {
        let left = asked
        for (const [arrivedAt, gone] of members) {
          const before = left
          left = wholeRemainingMs(arrivedAt + left - (arrivedAt + gone))
          expect(left).toBeLessThanOrEqual(before)
        }
      }),
    )
  })

  it('is at least what a request can say', () => {
    expect([-5, 0, 0.4].map(ms => wholeRemainingMs(ms))).toEqual([0, 0, 1])
    expect([-5, 0, 0.4, 1.9].map(ms => wholeRemainingMs(ms, 1))).toEqual([1, 1, 1, 2])
  })
})

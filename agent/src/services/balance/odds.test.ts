import { describe, expect, it } from 'vitest'
import { oddsOf, type Rival } from './odds.ts'

const rival = (ms: number, inFlight = 0): Rival => ({
  inFlight,
  isKnown: () => ms > 0,
  expectedMs: () => ms,
})
const estimated = (ms: number, inFlight = 0): Rival => ({ ...rival(ms, inFlight), isKnown: () => false })

describe('the probability of the first of two', () => {
  it.each<[string, Rival, Rival, number]>([
    ['is half of equal ones', rival(10), rival(10), 0.5],
    ['is eight ninths where the other takes twice as long', rival(10), rival(20), 8 / 9],
    ['is a thousandth where it takes ten times as long', rival(100), rival(10), 1 / 1_001],
    ['counts calls in flight', rival(10), rival(10, 1), 8 / 9],
    ['is half for one of which nothing is known', rival(0), rival(10), 0.5],
    ['is half where nothing is known', rival(0), rival(0), 0.5],
    ['is none for one that has not answered a call, as the other has', rival(0, 1), rival(1e6), 0],
    ['is one where the other has not answered a call', rival(1e6), rival(0, 1), 1],
    ['is small for one that is estimated to be far', estimated(190), estimated(10), 1 / (1 + 19 ** 3)],
    ['is half where one is estimated and the other is unknown', estimated(190), rival(0), 0.5],
    ['is none for an estimated one that has not answered a call', estimated(1, 1), rival(1e6), 0],
    ['counts calls in flight where both are estimated', estimated(10, 1), estimated(10), 1 / 9],
  ])('%s', (_, a, b, odds) => expect(oddsOf(a, b, 0)).toBeCloseTo(odds, 6))

  it('and that of the second are one together', () => {
    const [a, b] = [rival(10, 2), rival(70, 1)]
    expect(oddsOf(a, b, 0) + oddsOf(b, a, 0)).toBeCloseTo(1, 9)
  })
})

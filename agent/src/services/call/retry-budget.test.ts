import { describe, expect, it } from 'vitest'
import { resilienceOf } from '../balance/resilience.ts'
import { RetryBudget } from './retry-budget.ts'

/** An agent whose calls all want up to nine more tries; time is simulated. */
function outage({
  perSecond,
  seconds,
  before = 60,
}: {
  perSecond: number
  seconds: number
  before?: number
}) {
  let now = 0
  const budget = new RetryBudget(now)
  const run = (ms: number, eachCall: () => void) => {
    for (const end = now + ms; now < end; now += 1_000 / perSecond) {
      budget.called(now)
      eachCall()
    }
  }
  run(before * 1_000, () => budget.answered(now))
  let calls = 0
  let tries = 0
  run(seconds * 1_000, () => {
    calls++
    tries++
    for (let i = 0; i < 9; i++) tries += Number(budget.take(now))
  })
  return tries / calls
}

const takeAll = (budget: RetryBudget, now = 0): number => {
  let taken = 0
  while (budget.take(now)) taken++
  return taken
}

describe('the retry budget', () => {
  it.each([50, 100, 300, 1_000, 5_000])(
    'offers at most 1.25 tries for each of %i calls a second in an outage of 10 s and longer',
    perSecond => {
      for (const seconds of [10, 12, 60, 600])
        expect(outage({ perSecond, seconds })).toBeLessThanOrEqual(1.25)
    },
  )

  it.each([
    [0, 10],
    [0.5, 60],
  ])('earns %d tries with each call, where the program says so', (share, tries) => {
    const budget = new RetryBudget(0, resilienceOf({ retryBudget: share }).retryBudget)
    for (let call = 0; call < 100; call++) budget.called(0)
    expect(takeAll(budget)).toBe(tries)
  })

  it('is refused outside of 0 to 1', () => {
    const invalid = expect.objectContaining({ code: 'invalid_argument' }) as Error
    expect(() => resilienceOf({ retryBudget: 1.5 })).toThrow(invalid)
  })

  it('lets an agent with few calls try again all the same', () => {
    let now = 0
    const budget = new RetryBudget(now)
    expect(takeAll(budget)).toBe(10)
    now = 500
    budget.answered(now)
    expect(takeAll(budget, now)).toBe(5)
    now = 60_000
    budget.answered(now)
    expect(takeAll(budget, now)).toBe(10)
  })

  it('does not fill up while nothing answers, but lets one in two seconds find out', () => {
    let now = 0
    const budget = new RetryBudget(now)
    takeAll(budget)
    let taken = 0
    for (now = 100; now <= 10_000; now += 100) taken += Number(budget.take(now))
    expect(taken).toBe(5)
  })

  it('gives back tries that brought an answer: those of a broken path cost nothing', () => {
    const budget = new RetryBudget(0)
    takeAll(budget)
    for (let i = 0; i < 1_000; i++) {
      budget.giveBack(0)
      expect(budget.take(0)).toBe(true)
    }
    expect(budget.take(0)).toBe(false)
  })
})

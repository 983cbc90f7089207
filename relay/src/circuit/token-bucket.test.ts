import { describe, expect, it } from 'vitest'
import { DayBudget } from './day-budget.ts'
import { TokenBucket } from '@agent-mesh/agent/core/token-bucket'

describe('a token bucket', () => {
  it.each([
    ['nothing to wait for within the burst', 1_000, 500, 0, 0],
    ['the debt at its rate', 1_000, 700, 0, 200],
    ['less when time has passed since', 1_000, 700, 150, 50],
    ['nothing when the debt is paid', 1_000, 700, 200, 0],
    ['nothing without a limit', 0, 1_000_000, 0, 0],
  ])('has %s', (_name, perSecond, bytes, after, wait) => {
    const bucket = new TokenBucket(perSecond, 500, 0)
    bucket.take(bytes, 0)
    expect(bucket.wait(after)).toBe(wait)
  })

  it('saves up no more than its burst', () => {
    const bucket = new TokenBucket(1_000, 500, 0)
    bucket.take(600, 3_600_000)
    expect(bucket.wait(3_600_000)).toBe(100)
  })
})

describe('the budget of a day', () => {
  it('is exhausted until its day is over', () => {
    const budget = new DayBudget(100)
    const hour = 3_600_000
    expect(budget.exhausted(0)).toBe(false)
    budget.spend(60, hour)
    budget.spend(60, 2 * hour)
    expect([budget.exhausted(2 * hour), budget.exhausted(24 * hour)]).toEqual([true, true])
    expect(budget.exhausted(25 * hour)).toBe(false)
    budget.spend(60, 26 * hour)
    expect(budget.exhausted(26 * hour)).toBe(false)
  })

  it('of nothing is none', () => {
    const budget = new DayBudget(0)
    budget.spend(Number.MAX_SAFE_INTEGER, 0)
    expect(budget.exhausted(0)).toBe(false)
  })
})

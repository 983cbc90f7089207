import { describe, expect, test } from 'vitest'
import { monthlyBill } from './bill.ts'
import prices from './prices.json' with { type: 'json' }
import { fleetOf, reportsOf } from './usage.ts'
import { monthMinutes, workload } from './workload.ts'

const total = (figures: Record<string, number>): number => Object.values(figures).reduce((a, b) => a + b, 0)

describe('the monthly bill', () => {
  test('of a million agents is at most 300 dollars, heartbeats cost a hundred times that', () => {
    const bill = monthlyBill(1_000_000)
    expect(bill.total_usd).toBeLessThanOrEqual(300)
    expect(bill.naive_usd).toBeGreaterThan(100 * bill.total_usd)
  })

  test('is the sum of its parts, whichever way it is cut', () => {
    const { total_usd, parts, prices: byPrice } = monthlyBill(123_456)
    expect(total(parts)).toBeCloseTo(total_usd, 0)
    expect(total(byPrice)).toBeCloseTo(total_usd, 0)
  })

  test('grows with the mesh', () => {
    const bills = [1, 100, 5_000, 10_000, 100_000, 1_000_000].map(agents => monthlyBill(agents).total_usd)
    expect(bills).toEqual([...bills].sort((a, b) => a - b))
  })

  test('of a small mesh is what is built, nothing assumed', () => {
    const { total_usd, as_built_usd } = monthlyBill(5_000)
    expect(as_built_usd).toBe(total_usd)
  })

  test('rests on prices that name their page and the day they hold since', () => {
    for (const { usd, per, source, since } of Object.values(prices.prices)) {
      expect(usd / per).toBeGreaterThan(0)
      expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//)
      expect(since < prices.checked).toBe(true)
    }
  })
})

describe('what a fleet does', () => {
  test('a relay reports in time when nothing changes, and more often the more changes', () => {
    const idle = monthMinutes / workload.reportMinutes
    expect(reportsOf(0, workload)).toBe(idle)
    expect(reportsOf(1, workload)).toBeCloseTo(idle, -1)
    expect(reportsOf(idle, workload)).toBeGreaterThan(1.5 * idle)
    expect(reportsOf(100 * idle, workload)).toBeCloseTo(100 * idle, -1)
  })

  test.each([
    [1, 2, 2],
    [5_000, 5, 5],
    [5_001, 6, 2],
    [1_000_000, 1_000, 40],
  ])(
    '%i agents have %i relays, %i of which follow the map at the control plane',
    (agents, relays, followers) => {
      expect(fleetOf(agents, workload)).toEqual({ relays, followers })
    },
  )
})

import { describe, expect, test } from 'vitest'
import { callsOfSeconds, simulate } from '../testing/balance-simulation.ts'
import { balanceDefaults } from './defaults.ts'
import { RegionOutage } from './region-outage.ts'

const { outageMs, returnMs, leastShare } = balanceDefaults

/** After an outage of `ms`, which ends at 0. */
function after(ms: number): RegionOutage {
  const region = new RegionOutage()
  region.note(true, -ms - 1)
  region.note(false, -ms)
  region.note(true, 0)
  return region
}

describe('the share of the own region', () => {
  test('is all of the calls before an outage, and after a short one: a provider that restarts', () => {
    expect(new RegionOutage().share(0)).toBe(1)
    expect(after(outageMs - 1).share(1)).toBe(1)
  })

  test.each([
    [0, leastShare],
    [returnMs / 4, 0.25],
    [returnMs / 2, 0.5],
    [returnMs, 1],
  ])('is restored over two minutes: %d ms after the end of an outage %d', (ms, share) => {
    expect(after(outageMs).share(ms)).toBe(share)
  })

  test('is not reduced by an outage before there was a provider', () => {
    const region = new RegionOutage()
    region.note(false, 0)
    region.note(true, 60_000)
    expect(region.share(60_000)).toBe(1)
  })
})

describe('a region whose calls fail', () => {
  const failing = () => {
    const region = new RegionOutage()
    region.note(true, 0)
    for (let i = 0; i < balanceDefaults.regionFailures; i++) region.ended(true, false)
    return region
  }

  test('gets the least share until one succeeds, and the calls back step by step', () => {
    const region = failing()
    region.note(true, 1_000)
    expect(region.share(1_000)).toBe(leastShare)
    region.ended(true, true)
    region.note(true, 1_000 + outageMs)
    expect(region.share(1_000 + outageMs + returnMs / 2)).toBe(0.5)
  })

  test('keeps its calls when they fail elsewhere, too', () => {
    const region = failing()
    region.ended(false, false)
    expect(region.share(0)).toBe(1)
  })
})

describe.each([4, 20])(
  'an own region of five of ten callees that fails for 30 s, with %d callers',
  callers => {
    const fails = (now: number) => now >= 10_000 && now < 40_000
    const callees = Array.from({ length: 10 }, (_, i) => ({
      serviceMs: 10,
      ...(i < 5 ? { fails } : { awayMs: 40 }),
    }))
    const ran = simulate({ policy: 'p2c', callees, rate: 200, calls: 48_000, near: 5, callers })
    /** The part of the calls begun from second to second that the own region got. */
    const near = (from: number, to: number) => {
      const calls = callsOfSeconds(ran, from, to)
      return calls.filter(({ callee }) => callee < 5).length / calls.length
    }

    test('has the calls before', () => expect(near(2, 10)).toBeGreaterThan(0.9))

    test('has less than a twentieth of them 5 s later', () => expect(near(15, 40)).toBeLessThan(0.05))

    test('gets them back over two minutes from the moment on at which it answers', () => {
      // Breakers ask it each 30 s at most.
      expect(near(40, 45)).toBeLessThan(0.2)
      const steps = [near(75, 85), near(100, 110), near(125, 135), near(195, 220)]
      expect(steps).toEqual(steps.toSorted((a, b) => a - b))
      expect(steps[0]).toBeLessThan(0.5)
      expect(steps.at(-1)).toBeGreaterThan(0.9)
    })
  },
)

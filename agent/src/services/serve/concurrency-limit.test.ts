/** The limiter against a simulated method, in simulated time: deterministic. */
import { describe, expect, it } from 'vitest'
import { LimitSimulation, type Scene } from '../testing/limit-simulation.ts'
import { ConcurrencyLimit } from './concurrency-limit.ts'
import { limitDefaults } from './defaults.ts'

const noPool = 1e9
const unrefused = (scene: Scene): void => {
  const simulation = new LimitSimulation(scene)
  expect(simulation.refusedAt).toEqual([])
}

describe('a method behind a pool', () => {
  it.each([
    ['10 connections of 50 ms', 10, 50],
    ['50 connections of 50 ms', 50, 50],
    ['10 connections of 5 ms', 10, 5],
  ])(
    'of %s under three times its load answers what it can, quickly once the limit is found',
    (_name, slots, takesMs) => {
      const capacity = (slots / takesMs) * 1_000
      for (const seed of [1, 2, 3]) {
        const simulation = new LimitSimulation({
          ...{ slots, seed, ms: 6_000 },
          takes: () => takesMs,
          rate: () => 3 * capacity,
        })
        expect(simulation.answers.length / 6).toBeGreaterThan(0.95 * capacity)
        expect(simulation.quantile(0.99, 1_000)).toBeLessThan(300)
        expect(simulation.quantile(0.99)).toBeLessThan(600)
      }
    },
  )

  it('whose calls differ much in length keeps most of what it can do from a cold start', () => {
    const takes = (random: () => number) => 20 + random() * 60
    const simulation = new LimitSimulation({ slots: 10, takes, rate: () => 400, ms: 10_000 })
    expect(simulation.answers.length / 10).toBeGreaterThan(0.85 * 200)
    expect(simulation.quantile(0.99)).toBeLessThan(300)
  })

  const uniform = {
    name: '20 to 80 ms',
    meanMs: 50,
    longestMs: 80,
    takes: (random: () => number) => 20 + 60 * random(),
  }
  const wide = {
    name: '1 ms to 1 s',
    meanMs: 145,
    longestMs: 1_000,
    takes: (random: () => number) => 1_000 ** random(),
  }
  const twoKinds = {
    name: '1 or 300 ms',
    meanMs: 31,
    takes: (random: () => number) => (random() < 0.9 ? 1 : 300),
  }

  it.each(
    [uniform, wide].flatMap(kind =>
      [10, 50].flatMap(slots => [1.5, 3].map(over => ({ ...kind, slots, over }))),
    ),
  )('whose calls take $name, with $slots connections, answers what it can at $over times its load', scene => {
    const { slots, over, meanMs, longestMs, takes } = scene
    const capacity = (slots / meanMs) * 1_000
    const rate = (now: number) => (now < 10_000 ? 0.5 : over) * capacity
    for (const seed of [1, 2, 3]) {
      const simulation = new LimitSimulation({ slots, takes, rate, ms: 22_000, seed })
      const answers = simulation.answers.filter(({ arrivedAt }) => arrivedAt > 13_000)
      expect(answers.length / 9).toBeGreaterThan(0.85 * capacity)
      expect(simulation.quantile(0.99, 13_000)).toBeLessThan(longestMs + 500)
    }
  })

  it.each([uniform, wide, twoKinds])(
    'whose calls take $name is not limited by chance',
    ({ meanMs, takes }) => {
      for (const seed of [1, 2, 3])
        unrefused({ slots: 50, takes, rate: () => 40_000 / meanMs, ms: 40_000, seed })
    },
  )

  it('is not limited below its load, and no more once the load has gone', () => {
    const high = (now: number) => now > 2_000 && now < 6_000
    const simulation = new LimitSimulation({
      slots: 10,
      takes: () => 50,
      rate: now => (high(now) ? 600 : 160),
      ms: 10_000,
    })
    expect(simulation.refusedAt.filter(at => at < 2_000)).toEqual([])
    expect(simulation.refusedAt.some(high)).toBe(true)
    expect(simulation.refusedAt.filter(at => at > 6_500)).toEqual([])
    expect(simulation.quantile(0.99, 6_500)).toBeLessThan(120)
  })
})

describe('a method that is not held up by its own calls', () => {
  it('may wait as long as it likes: 1,000 long polls', () => {
    for (const takesMs of [300, 1_000, 30_000])
      unrefused({ slots: noPool, takes: () => takesMs, rate: () => 1_000_000 / takesMs, ms: 20_000 })
  })

  it('may take very different times', () => {
    unrefused({ slots: noPool, takes: random => 100 + random() * 1_400, rate: () => 1_000, ms: 10_000 })
    unrefused({ slots: noPool, takes: random => (random() < 0.7 ? 1 : 500), rate: () => 1_000, ms: 10_000 })
  })

  it('may be held up by its machine when a burst of calls of very different length comes', () => {
    const isBurst = (now: number) => now % 10_000 < 2_000
    unrefused({
      slots: noPool,
      takes: (random, now) => 1_000 ** random() + (isBurst(now) ? 200 * random() : 0),
      rate: now => (isBurst(now) ? 120 : 10),
      ms: 1_200_000,
    })
  })

  it('may have a hiccup', () => {
    const takes = (_random: () => number, now: number) => (now > 2_000 && now < 2_300 ? 300 : 20)
    unrefused({ slots: noPool, takes, rate: () => 500, ms: 10_000 })
  })

  it.each([
    ['when what it asks becomes slower for good', 20, 100, 500],
    ['when calls that were quick begin to wait', 1, 1_000, 1_000],
  ])('is limited for a moment at most, %s', (_name, atFirst, later, rate) => {
    const simulation = new LimitSimulation({
      slots: noPool,
      takes: (_random, now) => (now < 2_000 ? atFirst : later),
      rate: () => rate,
      ms: 10_000,
    })
    expect(simulation.refusedAt.length).toBeLessThan(simulation.answers.length / 10)
    expect(simulation.refusedAt.filter(at => at > 6_000)).toEqual([])
  })

  it.each([
    [20, 150, 100, 0],
    [10, 100, 150, 0],
    [20, 200, 100, 0],
    [10, 100, 150, 1],
    [20, 200, 60, 1],
  ])(
    'is not limited for good, with few calls at once: %i ms, then %i, %i/s, spread %i',
    (atFirst, later, rate, spread) => {
      for (let seed = 1; seed <= 8; seed++) {
        const simulation = new LimitSimulation({
          ...{ slots: noPool, seed, ms: 90_000 },
          takes: (random, now) => (now < 5_000 ? atFirst : later) * (1 + spread * (random() - 0.5)),
          rate: () => rate,
        })
        expect(simulation.refusedAt.filter(at => at > 75_000)).toEqual([])
      }
    },
  )

  it('has no limit after a pause', () => {
    const limit = new ConcurrencyLimit()
    let now = 0
    for (; limit.most === Number.POSITIVE_INFINITY; now += 5) {
      expect(now).toBeLessThan(5_000)
      const among = now < 1_000 ? 1 : (now - 1_000) / 5
      limit.ended(among, among === 1 ? 20 : 20 + among, among + 100, now)
    }
    expect(limit.admits(1_000, now)).toBe(false)
    expect(limit.admits(1_000, now + limitDefaults.calmMs + 1)).toBe(true)
  })
})

/** The choice in virtual time: what the calls of twenty callers find at ten callees, each with four workers and 10 ms a call. */
import { describe, expect, it } from 'vitest'
import { capacityOf, quantile, simulate, type SimulatedCallee } from '../testing/balance-simulation.ts'
import type { BalancePolicy } from './policies.ts'

const callees = (count: number, change: (i: number) => Partial<SimulatedCallee> = () => ({})) =>
  Array.from({ length: count }, (_, i): SimulatedCallee => ({ serviceMs: 10, ...change(i) }))

/** p99 once the callers know the callees. */
const p99 = (ran: ReturnType<typeof simulate>) => quantile(ran.slice(ran.length / 6), 0.99)

describe('one of ten callees that is ten times slower', () => {
  const some = callees(10, i => (i === 0 ? { serviceMs: 100 } : {}))
  const run = (policy: BalancePolicy) =>
    simulate({ policy, callees: some, rate: 0.6 * capacityOf(some), calls: 40_000 })

  it('makes the p99 of p2c a fifth of that of least-busy at most', () => {
    expect(p99(run('p2c'))).toBeLessThanOrEqual(p99(run('least-busy')) / 5)
  })
})

it('ten equal callees at 80 % load are served by p2c as fast as by least-busy', () => {
  const some = callees(10)
  const run = (policy: BalancePolicy) =>
    simulate({ policy, callees: some, rate: 0.8 * capacityOf(some), calls: 40_000 })
  expect(p99(run('p2c'))).toBeLessThanOrEqual(p99(run('least-busy')) * 1.25)
})

describe('a callee that fails within a millisecond', () => {
  const some = callees(10, i => (i === 0 ? { fails: () => true } : {}))

  it.each([true, false])('gets less than a twentieth of the calls after 1 s, with breakers: %s', breakers => {
    const ran = simulate({ policy: 'p2c', callees: some, rate: 1_500, calls: 20_000, breakers })
    const later = ran.filter(({ startedAt }) => startedAt > 1_000)
    expect(later.filter(({ ok }) => !ok).length / later.length).toBeLessThan(0.05)
  })

  it('has its share within 5 s when it is back after 10 s', () => {
    const failing = (now: number) => now >= 2_000 && now < 12_000
    const back = callees(10, i => (i === 0 ? { fails: failing } : {}))
    const ran = simulate({ policy: 'p2c', callees: back, rate: 1_500, calls: 30_000 })
    const later = ran.filter(({ startedAt }) => startedAt > 17_000 && startedAt < 20_000)
    const share = later.filter(({ callee }) => callee === 0).length / later.length
    expect(share).toBeGreaterThan(0.07)
  })
})

describe('a callee that takes 2 s among nine that take 10 ms', () => {
  const some = callees(10, i => (i === 0 ? { serviceMs: 2_000 } : {}))
  const run = (policy: BalancePolicy, perCallee: number | false) =>
    simulate({ policy, callees: some, rate: 1_500, calls: 20_000, breakers: false, perCallee })

  it('is bounded by the bulkhead: the p99 of callers that take turns is that of the quick ones', () => {
    const [without, bounded] = [run('round-robin', false), run('round-robin', 4)]
    expect(quantile(without, 0.99)).toBeGreaterThan(2_000)
    expect(quantile(bounded, 0.99)).toBeLessThan(100)
    const quick = (ran: typeof bounded) =>
      quantile(
        ran.filter(({ callee }) => callee > 0),
        0.99,
      )
    expect(quick(bounded)).toBeLessThanOrEqual(quick(without) * 1.25)
  })

  it('needs no bulkhead where latency chooses', () => {
    expect(p99(run('p2c', false))).toBeLessThan(100)
  })
})

describe('callees in another region, 40 ms away', () => {
  const some = callees(10, i => (i < 5 ? {} : { awayMs: 40 }))
  const nearCapacity = capacityOf(some.slice(0, 5))
  const run = (load: number) =>
    simulate({ policy: 'p2c', callees: some, rate: load * nearCapacity, calls: 40_000, near: 5 })
  const remote = (ran: ReturnType<typeof simulate>) =>
    ran.filter(({ callee }) => callee >= 5).length / ran.length

  it.each([0.3, 0.6])(
    'get less than a tenth of the calls while the near ones have room: %d of it is used',
    load => {
      expect(remote(run(load))).toBeLessThan(0.1)
    },
  )

  it('take what is too much for the near ones', () => {
    const ran = run(1.5)
    expect(remote(ran)).toBeGreaterThan(0.3)
    expect(p99(ran)).toBeLessThan(1_000)
  })
})

describe('a hundred callers that rarely call, and eight calls in flight for each callee', () => {
  /** How much of what the callees can do is done. */
  const used = (some: SimulatedCallee[], policy: BalancePolicy) => {
    const inFlight = 8 * some.length
    const ran = simulate({ policy, callees: some, callers: 100, workers: 1, inFlight, calls: 2_000 })
    const { startedAt, ms } = ran.at(-1)!
    return (1_000 * ran.length) / (startedAt + ms) / capacityOf(some, 1)
  }

  it.each([2, 4, 10])('keep %d callees busy as well as random calls do', count => {
    const some = callees(count, () => ({ serviceMs: 30, firstMs: 120 }))
    expect(used(some, 'p2c')).toBeGreaterThanOrEqual(0.94 * used(some, 'random'))
  })

  it.each([2, 4, 10])('do so when one of %d callees is new and was quick while nobody called it', count => {
    const some = callees(count, i => ({ serviceMs: 30, firstMs: i === 0 ? 1 : 120 }))
    expect(used(some, 'p2c')).toBeGreaterThanOrEqual(0.9 * used(some, 'random'))
  })

  it('pass over one of ten that is ten times slower', () => {
    const some = callees(10, i => (i === 0 ? { serviceMs: 100 } : {}))
    const run = (policy: BalancePolicy) =>
      simulate({ policy, callees: some, rate: 0.6 * capacityOf(some), calls: 40_000, callers: 100 })
    expect(p99(run('p2c'))).toBeLessThanOrEqual(p99(run('least-busy')) / 5)
  })

  it('keep two callees busy in the first calls after a quick answer of one of them', () => {
    const some = callees(2, i => ({ serviceMs: 30, firstMs: i === 0 ? 1 : 120 }))
    const ran = simulate({ policy: 'p2c', callees: some, callers: 100, workers: 1, inFlight: 24, calls: 88 })
    const endOf = (nth: number) => ran[nth - 1]!.startedAt + ran[nth - 1]!.ms
    const busy = (40 * 1_000) / (endOf(64) - endOf(24)) / capacityOf(some, 1)
    expect(busy).toBeGreaterThan(0.65)
  })
})

it('a thousand callers of forty calls each do not overload one of ten that is ten times slower', () => {
  const some = callees(10, i => (i === 0 ? { serviceMs: 100 } : {}))
  const run = (policy: BalancePolicy) =>
    simulate({ policy, callees: some, rate: 0.6 * capacityOf(some), calls: 40_000, callers: 1_000 })
  expect(p99(run('p2c'))).toBeLessThan(p99(run('least-busy')) / 20)
})

it('callers that know how far ten callees are mostly call the five near ones, though no region says so', () => {
  const away = (i: number) => (i < 5 ? 2 : 100)
  const some = callees(10, i => ({ awayMs: away(i), roundTripMs: away(i) }))
  const rate = 0.5 * capacityOf(some.slice(0, 5))
  const ran = simulate({ policy: 'p2c', callees: some, rate, calls: 40_000, callers: 100 })
  expect(ran.filter(({ callee }) => callee >= 5).length / ran.length).toBeLessThan(0.2)
})

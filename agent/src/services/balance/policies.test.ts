import { describe, expect, it } from 'vitest'
import { seeded } from '../testing/balance-simulation.ts'
import { Balancer, type BalancerInit } from './balancer.ts'
import type { Providers } from './directory.ts'
import type { Wish } from './placed-picker.ts'

const untried = { tried: new Set<string>(), last: undefined }
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `12D3KooWmember${i}`)
const among = (good: readonly string[], near?: Providers['near']): Providers => ({
  ...{ good, doubtful: [], offline: [] },
  ...(near !== undefined && { near }),
})

function serviceOf(init: Partial<BalancerInit> = {}, providers = among(names(10))) {
  const service = new Balancer({ random: seeded(3), ...init }).of('math')
  const choose = (wish: Wish = {}, lists = providers) => service.choose(lists, wish, untried, 0)!.peerId
  return { service, choose }
}

/** How often each was chosen, of `count` times. */
function shares(count: number, choose: () => string): number[] {
  const counts = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const peerId = choose()
    counts.set(peerId, (counts.get(peerId) ?? 0) + 1)
  }
  return [...counts.values()]
}

describe('the choice among equal providers', () => {
  it.each(['p2c', 'random', 'least-busy'] as const)('%s asks each about as often', policy => {
    const { choose } = serviceOf({ policy })
    const counts = shares(10_000, choose)
    expect(counts).toHaveLength(10)
    expect(Math.max(...counts)).toBeLessThan(1_200)
    expect(Math.min(...counts)).toBeGreaterThan(800)
  })

  it('round-robin asks each in turn', () => {
    const { choose } = serviceOf({ policy: 'round-robin' })
    expect(shares(1_000, choose)).toEqual(Array(10).fill(100))
  })

  it('least-busy asks the one with the fewest calls in flight, p2c nearly always the cheaper of two', () => {
    const two = among(names(2))
    const busy = serviceOf({ policy: 'least-busy' }, two)
    busy.service.provider('12D3KooWmember0').begin(0)
    expect(shares(50, busy.choose)).toEqual([50])
    const slow = serviceOf({ policy: 'p2c' }, two)
    for (const [i, ms] of [50, 10].entries()) {
      const provider = slow.service.provider(`12D3KooWmember${i}`)
      for (let answers = 0; answers < 20; answers++) {
        provider.begin(0)
        provider.answered(0, ms)
      }
    }
    const asked = Array.from({ length: 1_000 }, () => slow.choose())
    expect(asked.filter(peerId => peerId === '12D3KooWmember1').length).toBeGreaterThan(970)
  })
})

describe('the choice by key', () => {
  const keys = Array.from({ length: 50_000 }, (_, i) => `user:${i}`)
  const keepers = (count: number) => {
    const { choose } = serviceOf({}, among(names(count)))
    return keys.map(key => choose({ key }))
  }

  it('moves at most a tenth of the keys when ten providers become eleven, and loads each alike', () => {
    const [before, after] = [keepers(10), keepers(11)]
    const moved = keys.filter((_, i) => before[i] !== after[i]).length
    expect(moved / keys.length).toBeLessThanOrEqual(0.1)
    const counts = shares(keys.length, () => after.pop()!)
    expect(Math.max(...counts) / (keys.length / 11)).toBeLessThanOrEqual(1.1)
  })

  it('is alike at every caller, in whatever order it knows them, and wherever it is', () => {
    const [one, other] = [names(10), names(10).reverse()]
    const { choose } = serviceOf()
    const { choose: chooseFar } = serviceOf({ random: seeded(9) }, among(other, { zone: 2, region: 5 }))
    for (const key of keys.slice(0, 200)) expect(choose({ key }, among(one))).toBe(chooseFar({ key }))
  })
})

describe('the choice by place', () => {
  const zone = among(names(9), { zone: 3, region: 6 })

  it.each<[Wish, number]>([
    [{}, 3],
    [{ near: 'zone' }, 3],
    [{ near: 'region' }, 6],
    [{ near: 'any' }, 9],
  ])('with %j asks among the nearest %i', (wish, count) => {
    const { choose } = serviceOf({}, zone)
    const chosen = new Set(Array.from({ length: 500 }, () => choose(wish)))
    expect([...chosen].sort()).toEqual(names(count))
  })

  it('asks the region when the zone has none, and the others when the region has none', () => {
    const { choose } = serviceOf()
    const chosen = (lists: Providers) => new Set(Array.from({ length: 500 }, () => choose({}, lists))).size
    expect(chosen(among(names(9), { zone: 0, region: 4 }))).toBe(4)
    expect(chosen(among(names(9), { zone: 0, region: 0 }))).toBe(9)
  })
})

import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { describe, expect, it } from 'vitest'
import { seeded } from '../testing/balance-simulation.ts'
import { Balancer } from './balancer.ts'
import type { Providers } from './directory.ts'
import { resilienceOf, type ResilienceOptions } from './resilience.ts'

const untried = { tried: new Set<string>(), last: undefined }
const good = (...peers: string[]): Providers => ({ good: peers, doubtful: [], offline: [] })

/** The providers of a service; `fail` makes one fail, `chosen` tells which ones are asked. */
function providersOf(lists: Providers, options?: ResilienceOptions | false) {
  const ejected: string[] = []
  const balancer = new Balancer({
    random: seeded(5),
    resilience: resilienceOf(options),
    onBreaker: ({ reason }) => void (reason !== undefined && ejected.push(reason)),
  })
  const service = balancer.of('math')
  const choose = (now: number, of = lists, tries = untried) => service.choose(of, {}, tries, now)!
  choose(0)
  const fail = (peerId: string, code: ErrorCode = 'internal', times = 5, now = 0) => {
    for (let i = 0; i < times; i++) {
      service.provider(peerId).begin(now)
      service.provider(peerId).failed(new MeshError(code, 'Cannot', { told: true }), now, now)
    }
  }
  const chosen = (now: number, of = lists) =>
    [...new Set(Array.from({ length: 400 }, () => choose(now, of).peerId))].sort().join('')
  return { balancer, service, ejected, choose, fail, chosen }
}

describe('ejection', () => {
  it.each<[ErrorCode, boolean]>([
    ['unavailable', true],
    ['path_lost', true],
    ['overloaded', true],
    ['internal', true],
    ['application', false],
    ['permission_denied', false],
    ['invalid_argument', false],
    ['unsupported', false],
  ])('counts %s: %s', (code, counts) => {
    const { fail, ejected } = providersOf(good('a', 'b'))
    fail('a', code)
    expect(ejected).toEqual(counts ? ['consecutive'] : [])
  })

  it('counts no call for which this side had no room', () => {
    const { service, ejected } = providersOf(good('a', 'b'))
    for (let i = 0; i < 10; i++) {
      service.provider('a').begin(0)
      service.provider('a').failed(new MeshError('overloaded', 'Cannot', { notStarted: true }), 0, 0)
    }
    expect(ejected).toEqual([])
  })

  it('counts no deadline that was too short to say anything of the provider', () => {
    const { service, ejected } = providersOf(good('a', 'b'))
    const late = (ms: number) => {
      const provider = service.provider('a')
      provider.begin(0)
      provider.failed(new MeshError('deadline_exceeded', 'Cannot'), 0, ms)
    }
    for (let i = 0; i < 10; i++) late(20)
    expect(ejected).toEqual([])
    for (let i = 0; i < 5; i++) late(100)
    expect(ejected).toEqual(['consecutive'])
  })

  it.each([
    [1, 0],
    [2, 1],
    [3, 1],
    [5, 2],
    [10, 5],
  ])('of %i providers that all fail takes %i, and never the last', (count, most) => {
    const names = [...'abcdefghij'].slice(0, count)
    const { fail, chosen, ejected } = providersOf(good(...names))
    for (const name of names) fail(name)
    expect(ejected).toHaveLength(most)
    expect(chosen(1)).toHaveLength(count - most)
  })

  it('lets the longest ejected in again when the others leave', () => {
    const { fail, balancer, chosen } = providersOf(good('a', 'b', 'c', 'd'))
    fail('a')
    fail('b')
    expect(balancer.ejected()).toEqual({ open: 2, 'half-open': 0 })
    chosen(1, good('a', 'b', 'c'))
    expect(balancer.ejected()).toEqual({ open: 1, 'half-open': 0 })
    expect(chosen(5_000, good('a', 'c'))).toBe('ac')
  })

  it('asks an ejected one once when its time has come, and gives it its share when it answers', () => {
    const { fail, choose, chosen, service, balancer } = providersOf(good('a', 'b'))
    fail('a')
    expect(chosen(500)).toBe('b')
    expect(choose(1_100).peerId).toBe('a')
    choose(1_100).begin(1_100)
    expect(balancer.ejected()).toEqual({ open: 0, 'half-open': 1 })
    expect(chosen(1_101)).toBe('b')
    service.provider('b').begin(1_100)
    for (const name of ['a', 'b']) service.provider(name).answered(1_100, 1_110)
    expect(balancer.ejected()).toEqual({ open: 0, 'half-open': 0 })
    expect(chosen(1_111)).toBe('ab')
  })

  it('asks one at once that is believed to answer again', () => {
    const { fail, chosen, choose } = providersOf(good('a', 'b'))
    fail('a')
    const silent = { ...good('b'), doubtful: ['a'] }
    expect(chosen(10, silent)).toBe('b')
    expect(choose(20).peerId).toBe('a')
  })

  it('does nothing where it is switched off', () => {
    for (const options of [false, { breaker: false }] as const) {
      const { fail, ejected } = providersOf(good('a', 'b'), options)
      fail('a', 'internal', 50)
      expect(ejected).toEqual([])
    }
  })
})

describe('a member', () => {
  it('that said that it is leaving gets nothing while there is another', () => {
    const { fail, chosen } = providersOf(good('a', 'b'))
    fail('a', 'going_away', 1)
    expect(chosen(5_000)).toBe('b')
    expect(chosen(10_001)).toContain('a')
    expect(chosen(5_001, good('a'))).toBe('a')
  })

  it('with as many calls in flight as one may have, of all its services, gets no more', () => {
    const { balancer, service, chosen } = providersOf(good('a', 'b'), { perCallee: 3 })
    for (const name of ['math', 'math', 'files']) balancer.of(name).provider('a').begin(0)
    // As good as they get: only that it is full speaks against it.
    service.provider('a').answered(0, 1)
    service.provider('b').begin(0)
    expect(chosen(1)).toBe('a')
    service.provider('a').begin(1)
    expect(chosen(1)).toBe('b')
    expect(service.isFull(service.provider('a'))).toBe(true)
    balancer.of('files').provider('a').released()
    expect(service.isFull(service.provider('a'))).toBe(false)
  })

  it('is forgotten when it leaves, once its last call has ended', () => {
    const { service, chosen } = providersOf(good('a', 'b'))
    const gone = service.provider('a')
    gone.begin(0)
    chosen(1, good('b'))
    expect(service.provider('a')).toBe(gone)
    gone.released()
    chosen(2, good('b', 'c'))
    expect(service.provider('a')).not.toBe(gone)
  })

  it('outside the few that a caller of few calls chooses among is asked when those were tried, or left', () => {
    const all = [...'abcdefghij']
    const { choose } = providersOf(good(...all))
    const asked = new Set(Array.from({ length: 12 }, () => choose(0).peerId))
    expect(asked.size).toBe(2)
    const others = all.filter(name => !asked.has(name))
    expect(others).toContain(choose(0, good(...all), { tried: asked, last: undefined }).peerId)
    expect(others).toContain(choose(0, good(...others)).peerId)
  })

  it('is asked without a choice where it is the only good one', () => {
    let drawn = 0
    const service = new Balancer({ random: () => (drawn++, 0.5) }).of('math')
    const before = drawn
    const one = { ...good('a'), doubtful: ['b'], offline: ['c'] }
    expect(service.choose(one, {}, untried, 0)?.peerId).toBe('a')
    expect(drawn).toBe(before)
  })

  it('is passed over where it is the only good one and leaves, or was tried', () => {
    const { choose, fail } = providersOf(good('a'))
    const one = { ...good('a'), doubtful: ['b'] }
    expect(choose(0, one, { tried: new Set('a'), last: 'a' as never }).peerId).toBe('b')
    fail('a', 'going_away', 1)
    expect(choose(1, one).peerId).toBe('b')
  })

  it('named by the call is asked whatever is known of it', () => {
    const { fail, choose } = providersOf(good('a', 'b'))
    fail('a')
    expect(choose(1, { ...good('a'), named: true }).peerId).toBe('a')
  })
})

it('options of resilience that are none are refused', () => {
  for (const options of [{ breaker: { ratio: 2 } }, { perCallee: 0 }, { breakers: true }])
    expect(() => resilienceOf(options as ResilienceOptions)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }) as Error,
    )
})

import { describe, expect, it } from 'vitest'
import { chooseRelays, probeOrder } from './relay-choice.ts'

const choose = (current: string[], roundTrips: Record<string, number>, gone: string[] = []) =>
  chooseRelays({
    current,
    roundTrips: new Map(Object.entries(roundTrips)),
    gone: new Set(gone),
    count: 2,
    switchRatio: 2 / 3,
    switchMs: 5,
  })

describe('home and standby', () => {
  it.each<[string, string[], Record<string, number>, string[], string[]]>([
    ['are the nearest at first', [], { a: 30, b: 10, c: 20 }, [], ['b', 'c']],
    ['are one when only one answers', [], { a: 30 }, [], ['a']],
    ['are none when nobody answers', [], {}, [], []],
    ['stay when another is a little nearer', ['a', 'b'], { a: 30, b: 40, c: 25 }, [], ['a', 'b']],
    ['stay when the standby is a little nearer', ['a', 'b'], { a: 30, b: 21 }, [], ['a', 'b']],
    ['swap when the standby is clearly nearer', ['a', 'b'], { a: 30, b: 19 }, [], ['b', 'a']],
    ['stay where all are a few ms away', ['a', 'b'], { a: 6, b: 2, c: 1.5 }, [], ['a', 'b']],
    ['make room for a clearly nearer one', ['a', 'b'], { a: 30, b: 40, c: 10 }, [], ['c', 'a']],
    ['stay while one is silent for a moment', ['a', 'b'], { b: 10 }, [], ['a', 'b']],
    ['stay while the standby is silent for a moment', ['a', 'b'], { a: 10 }, [], ['a', 'b']],
    ['stay while both are silent for a moment', ['a', 'b'], {}, [], ['a', 'b']],
    ['are the one left that is silent', ['a', 'b'], {}, ['a'], ['b']],
    ['replace one that is gone', ['a', 'b'], { b: 10, c: 20 }, ['a'], ['b', 'c']],
    ['replace a standby that is gone', ['a', 'b'], { a: 10, c: 20, d: 15 }, ['b'], ['a', 'd']],
  ])('%s', (_, current, roundTrips, gone, expected) => {
    expect(choose(current, roundTrips, gone)).toEqual(expected)
  })
})

describe('the order of measuring', () => {
  const candidates = [
    { peerId: 'far', addrs: [], region: 'us' },
    { peerId: 'near-1', addrs: [], region: 'eu' },
    { peerId: 'unknown', addrs: [] },
    { peerId: 'near-2', addrs: [], region: 'eu' },
  ]

  it('begins with the own region', () => {
    const order = probeOrder(candidates, 'eu', Math.random).map(({ peerId }) => peerId)
    expect(order.slice(0, 2).sort()).toEqual(['near-1', 'near-2'])
  })

  it('is random within, so that agents spread', () => {
    const randoms = [0.9, 0.8, 0.2, 0.1]
    const order = probeOrder(candidates, undefined, () => randoms.shift() ?? 0).map(({ peerId }) => peerId)
    expect(order).toEqual(['near-2', 'unknown', 'near-1', 'far'])
  })
})

import { describe, expect, it } from 'vitest'
import type { Providers } from './call-targets.ts'
import { choosePeer, hasOther } from './choose.ts'

const none: Providers = { good: [], doubtful: [], offline: [] }
const first = () => 0

/** Whom one call asks, when all fail. */
function course(providers: Providers, tries: number): string {
  const tried = new Set<string>()
  let last: string | undefined
  const asked: string[] = []
  for (let i = 0; i < tries; i++) {
    last = choosePeer(providers, { tried, last }, first)
    tried.add(last ?? '')
    asked.push(last ?? 'nobody')
  }
  return asked.join(' ')
}

describe('choosePeer()', () => {
  it.each<[string, Partial<Providers>, string]>([
    ['those believed to answer, then them again', { good: ['a', 'b'] }, 'a b a b a b'],
    ['the doubtful after them', { good: ['a'], doubtful: ['d'] }, 'a d a d a d'],
    ['the offline in turns with the others', { good: ['a'], offline: ['x', 'y'] }, 'a x a y a x'],
    ['the offline when there is nobody else', { offline: ['x', 'y'] }, 'x y x y x y'],
    ['the only one again and again', { good: ['a'] }, 'a a a a a a'],
    ['nobody', {}, 'nobody nobody nobody nobody nobody nobody'],
  ])('asks %s', (_, providers, asked) => {
    expect(course({ ...none, ...providers }, 6)).toBe(asked)
  })

  it('never asks the one that it just asked while there is another', () => {
    for (const kind of ['good', 'doubtful', 'offline'] as const)
      for (let i = 0; i < 50; i++)
        expect(
          choosePeer({ ...none, [kind]: ['a', 'b'] }, { tried: new Set('ab'), last: 'b' }, Math.random),
        ).toBe('a')
  })

  it('asks each of many as often as the others', () => {
    const good = Array.from({ length: 10 }, (_, i) => `m${i}`)
    const counts = new Map<string, number>()
    for (let i = 0; i < 10_000; i++) {
      const peer = choosePeer({ ...none, good }, { tried: new Set(), last: undefined }, () => i / 10_000)
      counts.set(peer!, (counts.get(peer!) ?? 0) + 1)
    }
    expect([...counts.values()]).toEqual(Array(10).fill(1_000))
  })
})

it.each<[Partial<Providers>, boolean]>([
  [{ good: ['a'] }, false],
  [{ good: ['a'], offline: ['x'] }, false],
  [{ good: ['a'], doubtful: ['d'] }, true],
  [{ good: ['a', 'b'] }, true],
  [{ doubtful: ['a'] }, false],
  [{ offline: ['a', 'b'] }, true],
])('among %j another than a may answer: %s', (providers, other) => {
  expect(hasOther({ ...none, ...providers }, 'a')).toBe(other)
})

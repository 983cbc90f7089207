import { describe, expect, it } from 'vitest'
import { choosePeer, hasOther, type Picker } from './choose.ts'
import type { Providers } from './directory.ts'

const none: Providers = { good: [], doubtful: [], offline: [] }

/** Takes the first that fits; `barred` are asked when no other is left. */
const first = (...barred: string[]): Picker => ({
  pick: (list, fits) => list.find(fits),
  isBarred: peerId => barred.includes(peerId),
})

/** The members that one call asks when all fail. */
function course(providers: Providers, tries: number, picker = first()): string {
  const tried = new Set<string>()
  let last: string | undefined
  const asked: string[] = []
  for (let i = 0; i < tries; i++) {
    last = choosePeer(providers, { tried, last }, picker)
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

  it('asks those that are ejected, leaving or full when nobody else is left', () => {
    expect(course({ ...none, good: ['a', 'b'], doubtful: ['d'] }, 4, first('a'))).toBe('b d a b')
  })

  it('never asks the one that it just asked while there is another', () => {
    for (const kind of ['good', 'doubtful', 'offline'] as const)
      expect(choosePeer({ ...none, [kind]: ['b', 'a'] }, { tried: new Set('ab'), last: 'b' }, first())).toBe(
        'a',
      )
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

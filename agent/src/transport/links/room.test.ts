import { describe, expect, test } from 'vitest'
import type { Link } from './link.ts'
import { excessOf, roomFor } from './room.ts'

/** Links named by their age, oldest first: `b` is busy, `r` retires. */
const links = (kinds: string) =>
  [...kinds].map((kind, at) => ({
    id: `${kind}${at}`,
    state: kind === 'r' || kind === 'R' ? 'retiring' : 'up',
    busy: kind === 'b' || kind === 'R',
    lastUsed: at,
    openedAt: at,
  })) as unknown as Link[]

const idle = ({ busy }: Link) => !busy
const idOf = (link: Link | undefined) => link?.id

describe('roomFor()', () => {
  test.each([
    ['', 2, undefined, undefined],
    ['i', 2, undefined, undefined],
    ['ii', 2, 'i0', undefined],
    ['bi', 2, 'i1', undefined],
    ['rb', 2, undefined, undefined],
    ['rii', 2, 'i1', undefined],
    ['rrrb', 2, undefined, 'r0'],
    ['rrii', 2, 'i2', 'r0'],
  ])('of %j with %i allowed retires %s and closes %s', (kinds, maxLinks, retire, close) => {
    const room = roomFor(links(kinds), idle, maxLinks)
    expect([idOf(room.retire), idOf(room.close)]).toEqual([retire, close])
  })

  test.each(['bb', 'bbr', 'RRRR'])('refuses one more than %j, all with work', kinds => {
    expect(() => roomFor(links(kinds), idle, 2)).toThrow(/all \d links have work/)
  })
})

describe('excessOf()', () => {
  test.each([
    ['iii', 4, undefined],
    ['iiii', 4, 'i0'],
    ['biib', 4, 'i1'],
    ['bbbb', 4, 'b0'],
  ])('of %j with %i allowed is %s', (kinds, most, expected) => {
    expect(idOf(excessOf(links(kinds), most))).toBe(expected)
  })
})

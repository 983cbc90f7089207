import { formatMapCursor, limits, parseMapCursor, type MapChange } from '@agent-mesh/protocol'
import { describe, expect, test } from 'vitest'
import { mapPageAfter } from './map-pages.ts'

const cursor = (v: number[], epoch = 'one') =>
  formatMapCursor({ epoch, v: [...v, ...new Array<number>(16 - v.length).fill(0)] })

/** A mirror with so many changes in each of the first shards. */
const mirror = (counts: number[], recordChars = 400) => ({
  changesAfter: (shard: number, v: number, limit: number): MapChange[] =>
    Array.from({ length: counts[shard] ?? 0 }, (_, i) => i + 1)
      .filter(number => number > v)
      .slice(0, limit)
      .map(number => ({
        shard,
        v: number,
        peerId: `${shard}-${number}`,
        record: 'r'.repeat(recordChars),
        credential: 'c'.repeat(recordChars),
      })),
})

/** All pages from `since` on. */
function readAll(counts: number[], since?: string, recordChars?: number) {
  const store = mirror(counts, recordChars)
  const pages = []
  let at = since
  for (;;) {
    const page = mapPageAfter(store, cursor(counts), at)
    if (page === undefined || page === 'restart') return { pages, at }
    pages.push(page)
    at = page.next
    expect(pages.length).toBeLessThan(100)
  }
}

describe('mapPageAfter()', () => {
  test('tells nothing before the mirror knows anything', () => {
    expect(mapPageAfter(mirror([3]), undefined, undefined)).toBeUndefined()
  })

  test('gives everything once, in order of numbers, and ends at the mirror’s cursor', () => {
    const { pages, at } = readAll([3, 0, 2])
    expect(pages.flatMap(({ changes }) => changes.map(({ peerId }) => peerId))).toEqual([
      '0-1',
      '0-2',
      '0-3',
      '2-1',
      '2-2',
    ])
    expect(at).toBe(cursor([3, 0, 2]))
  })

  test('gives only what came after the cursor', () => {
    const { pages } = readAll([3, 4], cursor([2, 4]))
    expect(pages.flatMap(({ changes }) => changes.map(({ peerId }) => peerId))).toEqual(['0-3'])
  })

  test('keeps to the limits of a page in pairs and bytes, and loses none at the seams', () => {
    for (const chars of [100, 1000]) {
      const { pages } = readAll([1000, 1200, 3], undefined, chars)
      const all = pages.flatMap(({ changes }) => changes.map(({ peerId }) => peerId))
      expect(new Set(all).size).toBe(2203)
      expect(all).toHaveLength(2203)
      for (const page of pages) {
        expect(page.changes.length).toBeLessThanOrEqual(limits.mapPairs)
        expect(JSON.stringify(page.changes).length).toBeLessThanOrEqual(limits.mapBytes)
      }
      expect(pages.map(({ more }) => more)).toEqual([...pages.slice(1).map(() => true), false])
    }
  })

  test('passes over numbers that were superseded', () => {
    const store = { changesAfter: () => [] }
    const page = mapPageAfter(store, cursor([9]), cursor([5]))
    expect(page).toEqual({ changes: [], next: cursor([9]), more: false })
  })

  test('asks for a new start when the cursor is of another epoch or none at all', () => {
    expect(mapPageAfter(mirror([3]), cursor([3]), cursor([1], 'two'))).toBe('restart')
    expect(mapPageAfter(mirror([3]), cursor([3]), 'garbage')).toBe('restart')
  })

  test('does not take a reader back that another relay brought further', () => {
    expect(mapPageAfter(mirror([3]), cursor([3]), cursor([7]))).toBeUndefined()
    const page = mapPageAfter(mirror([3, 2]), cursor([3, 2]), cursor([7, 1]))
    expect(page).toMatchObject({ changes: [{ peerId: '1-2' }] })
    if (page === undefined || page === 'restart') throw new Error('no page')
    expect(parseMapCursor(page.next).v.slice(0, 2)).toEqual([7, 2])
  })
})

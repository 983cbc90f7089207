import { expect, it } from 'vitest'
import { limits } from './limits.ts'
import type { MapChange } from './map.ts'
import { MapPageFiller } from './map-page-filler.ts'

const removal = (v: number): MapChange => ({ shard: 0, v, peerId: 'peer', gone: 'serial' })
const pair = (v: number): MapChange => ({
  shard: 0,
  v,
  peerId: 'peer',
  record: 'r'.repeat(limits.recordBytes),
  credential: 'c'.repeat(limits.credentialBytes),
})

/** Adds changes until one is refused. */
function filled(page: MapPageFiller, change: (v: number) => MapChange): MapPageFiller {
  let v = 1
  while (page.add(change(v))) v++
  return page
}

it('takes as many changes as a page may have', () => {
  const { changes, room } = filled(new MapPageFiller(), removal)
  expect(changes).toHaveLength(limits.mapPairs)
  expect(room).toBe(0)
})

it('stays below the bytes of a page, about, and leaves no room for one change more', () => {
  const page = filled(new MapPageFiller(), pair)
  const bytes = JSON.stringify(page.changes).length
  const one = JSON.stringify(pair(1)).length
  expect(bytes).toBeLessThanOrEqual(limits.mapBytes)
  expect(bytes).toBeGreaterThan(limits.mapBytes - 2 * one - 100 * page.changes.length)
  expect(page.room).toBeGreaterThan(0)
})

it('takes the bytes that it is told', () => {
  expect(filled(new MapPageFiller(1_000), removal).changes.length).toBeLessThan(10)
  expect(new MapPageFiller(10).add(removal(1))).toBe(false)
})

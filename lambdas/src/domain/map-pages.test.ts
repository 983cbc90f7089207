import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRemoval, limits, type MapPage } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import { addMembers } from '../store/testing/add-members.ts'
import { mapPages } from './map-pages.ts'

const day = 24 * 3600_000

describe('pages of a large map', () => {
  let dir: string
  let store: Store
  let now: number
  beforeEach(() => {
    now = Date.UTC(2026, 0, 1)
    dir = mkdtempSync(join(tmpdir(), 'map-pages-'))
    store = openSqliteStore({ file: join(dir, 'db'), clock: { now: () => now } })
  })
  afterEach(async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  })

  const fill = (count: number, size: number) => addMembers(store, { count, size, now })
  const put = (peerId: string, incarnation: number, record = `record ${incarnation}`) =>
    store.directory.putMember({ peerId, serial: peerId, incarnation, record, services: [] })

  /** Reads to the end like a member; `between` runs after the first page. */
  async function readAll(since?: string, between?: () => Promise<void>) {
    const { page } = mapPages({ store })
    const state = new Map<string, string>()
    const pages: MapPage[] = []
    for (let cursor = since; ;) {
      const read = await page(cursor)
      pages.push(read)
      for (const change of read.changes)
        if (isRemoval(change)) state.delete(change.peerId)
        else state.set(change.peerId, change.record)
      if (!read.more) return { state, pages, next: read.next }
      cursor = read.next
      if (pages.length === 1) await between?.()
    }
  }

  test('hold at most 1,000 pairs and together each member once', async () => {
    await fill(1500, 100)
    const { state, pages } = await readAll()
    expect(state.size).toBe(1500)
    expect(pages.map(page => page.changes.length)).toEqual([1000, 500])
  })

  test('hold at most 1 MiB', async () => {
    await fill(500, 5000)
    const { state, pages } = await readAll()
    expect(state.size).toBe(500)
    for (const page of pages) expect(JSON.stringify(page).length).toBeLessThan(1024 * 1024)
    expect(pages).toHaveLength(3)
  })

  test('lose no change and no removal made on the way, even when the log behind is gone', async () => {
    await fill(1200, 100)
    now += 8 * day
    await store.collectGarbage()
    const { state, next } = await readAll(undefined, async () => {
      for (let i = 0; i < 1200; i += 3) await put(`m-${i}`, 2)
      for (let i = 1; i < 1200; i += 3) await store.directory.removeMember(`m-${i}`, `m-${i}`)
    })
    const rest = await readAll(next)
    for (const [peerId, record] of rest.state) state.set(peerId, record)
    for (const page of rest.pages)
      for (const change of page.changes) if (isRemoval(change)) state.delete(change.peerId)
    expect(state.size).toBe(800)
    for (const [peerId, record] of state)
      expect(record.startsWith(Number(peerId.slice(2)) % 3 === 0 ? 'record 2' : 'rrr')).toBe(true)
  })

  test('of changes move the cursor over what was superseded', async () => {
    await fill(3, 100)
    const { next } = await readAll()
    for (let incarnation = 2; incarnation < 2500; incarnation++) {
      now += limits.recordEveryMs
      await put('m-0', incarnation)
    }
    await put('m-1', 2)
    const { state, pages } = await readAll(next)
    expect(state).toEqual(
      new Map([
        ['m-0', 'record 2499'],
        ['m-1', 'record 2'],
      ]),
    )
    expect(pages.flatMap(page => page.changes)).toHaveLength(2)
  })
})

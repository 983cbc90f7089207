import { appendFileSync, readdirSync, readlinkSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { mountDisk, mountsMissing, unmountDisk } from '../../../test/support/mounted-disk.ts'
import { openMemberStore, type MemberStore } from './member-store.ts'

let disk: string
let file: string
let store: MemberStore | undefined
beforeEach(() => {
  disk = mountDisk(2)
  file = join(disk, 'member.db')
})
afterEach(() => {
  try {
    store?.close()
  } finally {
    store = undefined
    unmountDisk(disk)
  }
})

/** Takes all room that is left. */
function fill(): void {
  for (const bytes of [64 * 1024, 4096])
    try {
      for (;;) appendFileSync(join(disk, 'filler'), Buffer.alloc(bytes))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
}
const free = () => rmSync(join(disk, 'filler'))
/** Files of the disk that this process has open. */
const openFiles = () =>
  readdirSync('/proc/self/fd').filter(fd => {
    try {
      return readlinkSync(join('/proc/self/fd', fd)).startsWith(disk)
    } catch {
      // That of the listing.
      return false
    }
  })
const open = () => (store = openMemberStore(file))
const reopened = () => {
  store?.close()
  return open()
}

/** More than what SQLite has room for in a page it holds. */
const pairs = Array.from({ length: 50 }, (_, v) => ({
  ...{ shard: 1, v: v + 1, peerId: `p${v + 1}` },
  ...{ record: 'r'.repeat(900), credential: 'c' },
}))
const isFull = expect.stringMatching(/^disk full: .*member\.db/) as unknown

describe.skipIf(mountsMissing() !== undefined)('a member store whose disk is full', () => {
  test('keeps what changes in memory, says so, and writes it at its end once there is room', () => {
    const full = open()
    full.set('cursor', 'before')
    fill()
    full.apply(pairs, 'after')
    full.forget(['p1'])
    full.set('nameShown', 'desk')
    expect([full.inMemory, full.warning]).toEqual([true, isFull])
    expect([full.get('cursor'), full.pair('p2')?.credential, full.pair('p1')]).toEqual([
      'after',
      'c',
      undefined,
    ])
    expect(full.changesAfter(1, 48, 9).map(({ peerId }) => peerId)).toEqual(['p49', 'p50'])

    free()
    const again = reopened()
    expect([again.inMemory, again.warning]).toEqual([false, undefined])
    expect([again.get('cursor'), again.get('nameShown')]).toEqual(['after', 'desk'])
    expect(again.changes()).toHaveLength(49)
  })

  test('loses only what was written meanwhile when it ends without room', () => {
    const full = open()
    full.apply(pairs.slice(0, 1), 'before')
    fill()
    full.apply(pairs, 'after')
    full.close()
    free()
    const again = reopened()
    expect([again.get('cursor'), again.changes().length]).toEqual(['before', 1])
  })

  test('returns to the disk by itself', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const full = open()
      fill()
      full.apply(pairs, 'after')
      vi.advanceTimersByTime(60_000)
      expect(full.inMemory).toBe(true)
      free()
      vi.advanceTimersByTime(60_000)
      expect([full.inMemory, full.warning, full.get('cursor')]).toEqual([false, undefined, 'after'])
      expect(vi.getTimerCount()).toBe(0)
      full.set('cursor', 'later')
      expect(reopened().get('cursor')).toBe('later')
    } finally {
      vi.useRealTimers()
    }
  })

  test('leaves no file open while there is room to look, but not for all', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const full = open()
      fill()
      const large = pairs.map(pair => ({ ...pair, record: 'r'.repeat(20_000) }))
      full.apply(large, 'after')
      truncateSync(join(disk, 'filler'), 1536 * 1024)
      vi.advanceTimersByTime(60_000)
      expect([full.inMemory, openFiles()]).toEqual([true, []])
      free()
      vi.advanceTimersByTime(60_000)
      expect([full.inMemory, full.changes().length]).toEqual([false, 50])
    } finally {
      vi.useRealTimers()
    }
  })

  test('opens, and tells what it knew; what it learns is written once there is room', () => {
    open().apply(pairs, 'before')
    store?.close()
    fill()
    const full = open()
    expect([full.inMemory, full.warning, full.get('cursor')]).toEqual([true, isFull, 'before'])
    expect(full.pair('p50')).toMatchObject({ credential: 'c' })
    full.set('cursor', 'after')
    free()
    expect(reopened().get('cursor')).toBe('after')
  })

  test('is not made', () => {
    fill()
    const refused = { code: 'unavailable', hint: expect.stringContaining('Free space') as string }
    expect(open).toThrow(expect.objectContaining(refused))
  })
})

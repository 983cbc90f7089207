import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import { auditLog } from './audit-log.ts'

const minute = 60_000
let store: Store
beforeEach(() => void (store = openSqliteStore({ file: ':memory:' })))
afterEach(() => store.close())

const begun = Date.UTC(2026, 0, 1)
const append = async (...minutes: number[]): Promise<void> => {
  for (const at of minutes)
    await store.audit.appendAudit({ at: begun + at * minute, who: `at-${at}`, what: 'join' })
}

describe('the audit from a time on', () => {
  const from = async (at: number, limit = 100): Promise<string[]> => {
    const { entries } = await auditLog({ store }).read({ since: begun + at * minute, limit })
    return entries.map(({ who }) => who)
  }

  test('misses none that stands before an older one, which waited for its place', async () => {
    await append(...Array.from({ length: 300 }, (_, i) => i), 310, 250, 311)
    expect(await from(305)).toEqual(['at-310', 'at-250', 'at-311'])
    expect(await from(299)).toEqual(['at-299', 'at-310', 'at-250', 'at-311'])
    expect(await from(0, 2)).toEqual(['at-0', 'at-1'])
    expect(await from(400)).toEqual([])
  })

  test('is empty where there are no entries', async () => {
    expect(await from(0)).toEqual([])
  })
})

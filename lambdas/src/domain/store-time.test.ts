import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import { compareTimes, storeTime, type StoreTime } from './store-time.ts'

const hour = 3600_000
const day = 24 * hour
const begun = Date.UTC(2026, 0, 1)
let now: number
let store: Store
/** The store time of one process. */
let time: StoreTime
const clock = { now: () => now }

beforeEach(() => {
  now = begun
  store = openSqliteStore({ file: ':memory:', clock })
  time = storeTime({ store, clock })
})
afterEach(() => store.close())

const stateAfter = async (ms: number, of = time) => {
  now += ms
  return (await of.look()).state
}

test.each([
  [0, 'agrees'],
  [15 * day, 'agrees'],
  [15 * day + 1, 'ahead'],
  [-15 * day, 'agrees'],
  [-15 * day - 1, 'behind'],
])('a clock that is off by %i ms %s', (offMs, state) => {
  expect(compareTimes(begun + offMs, begun)).toEqual({ state, offMs })
})

describe('the time of the store', () => {
  test('moves on with a clock that agrees: months of running are no jump', async () => {
    for (let days = 0; days < 100; days += 10) expect(await stateAfter(10 * day)).toBe('agrees')
    expect(await store.ledger.readTimeMark()).toBe(begun + 100 * day)
    expect(await time.sweepTime()).toBe(now)
  })

  test('is written once an hour at most', async () => {
    await time.look()
    await stateAfter(hour - 1)
    expect(await store.ledger.readTimeMark()).toBe(begun)
    await stateAfter(1)
    expect(await store.ledger.readTimeMark()).toBe(begun + hour)
  })

  test('does not move to a clock that is far ahead, however often that is asked', async () => {
    await time.look()
    for (let i = 0; i < 5; i++) expect(await stateAfter(i === 0 ? 365 * day : hour)).toBe('ahead')
    expect(await time.sweepTime()).toBe(0)
    expect(time.warning()).toContain('365 days ahead')
    expect(await stateAfter(-365 * day)).toBe('agrees')
    expect(time.warning()).toBeUndefined()
  })

  test('of a store that knows none yet is that of its newest entry', async () => {
    await store.audit.appendAudit({ at: now, who: 'p', what: 'join' })
    expect(await stateAfter(365 * day)).toBe('ahead')
  })

  test('is what the operator confirms, on record', async () => {
    await time.look()
    expect(await stateAfter(365 * day)).toBe('ahead')
    await time.confirm('operator')
    expect(await stateAfter(0)).toBe('agrees')
    const [entry] = await store.audit.listAudit({ limit: 1 })
    expect(entry).toMatchObject({ who: 'operator', what: 'clock.confirm', detail: { before: begun, now } })
  })

  test('of a wrong clock is lowered once the right one ran for a day', async () => {
    now += 365 * day
    await time.look()
    const next = storeTime({ store, clock })
    expect(await stateAfter(-365 * day, next)).toBe('behind')
    expect(await stateAfter(23 * hour, next)).toBe('behind')
    expect(await stateAfter(hour, next)).toBe('behind')
    expect(await stateAfter(0, next)).toBe('agrees')
    expect(await store.ledger.readTimeMark()).toBe(begun + day)
  })
})

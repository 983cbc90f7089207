import { healthHistoryTimes } from '../../defaults.ts'
import type { HealthRollUp } from '../parts/health.ts'
import type { DynamoInit } from './init.ts'
import { number, text, type Item } from './item.ts'
import { takeUpTo } from './pages.ts'
import { keys, padded, ttlAfter } from './table.ts'

const { keptMs } = healthHistoryTimes

const fromItem = (item: Item): HealthRollUp => ({
  at: number(item, 'at'),
  region: text(item, 'region'),
  document: text(item, 'document'),
})

/** Health of the last day on DynamoDB: a partition a day, so that one query or two read it all. */
export const healthRollUps = ({ db, clock }: DynamoInit) => ({
  writeHealth: async (rollUps: readonly HealthRollUp[]): Promise<void> => {
    for (const { at, region, document } of rollUps)
      await db.write({
        put: { ...keys.health(at, region), at, region, document, ttl: ttlAfter(at + keptMs) },
      })
  },

  listHealth: async (since: number): Promise<HealthRollUp[]> => {
    const now = clock.now()
    const from = Math.max(since, now - keptMs)
    const days = [...new Set([from, now, now + keptMs].map(at => keys.healthDay(at)))]
    const pages = days.map(day => takeUpTo(Infinity, db.query(day, { after: padded(from) })))
    return (await Promise.all(pages)).flat().map(fromItem)
  },
})

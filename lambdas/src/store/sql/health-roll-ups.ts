import { healthHistoryTimes } from '../../defaults.ts'
import type { HealthRollUp } from '../parts/health.ts'
import { number, text, type Row } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import { all, run, type Script } from './script.ts'

const fromRow = (row: Row): HealthRollUp => ({
  at: number(row, 'at'),
  region: text(row, 'region'),
  document: text(row, 'document'),
})

const insert = 'INSERT INTO health VALUES ($1, $2, $3) ON CONFLICT (at, region) DO UPDATE SET document = $3'

/** Health of the last day. */
export const healthRollUps = ({ clock }: Pick<SqlInit, 'clock'>) => ({
  reads: {
    *listHealth(since: number): Script<HealthRollUp[]> {
      const from = Math.max(since, clock.now() - healthHistoryTimes.keptMs)
      return (yield* all('SELECT * FROM health WHERE at >= $1 ORDER BY at, region', from)).map(fromRow)
    },
  },

  writes: {
    *writeHealth(rollUps: readonly HealthRollUp[]): Script<void> {
      for (const { at, region, document } of rollUps) yield* run(insert, at, region, document)
    },
  },
})

import { healthHistoryTimes } from '../../defaults.ts'
import type { HealthRollUp } from '../model.ts'
import { rollUpFromRow } from './rows.ts'
import { all, run, type Script, type SqlInit } from './script.ts'

/** Health of the last day; of writes the caller holds the transaction. */
export const healthRollUps = ({ clock }: Pick<SqlInit, 'clock'>) => ({
  *writeHealth(rollUps: readonly HealthRollUp[]): Script<void> {
    for (const { at, region, document } of rollUps)
      yield* run(
        'INSERT INTO health VALUES ($1, $2, $3) ON CONFLICT (at, region) DO UPDATE SET document = $3',
        at,
        region,
        document,
      )
  },

  *listHealth(since: number): Script<HealthRollUp[]> {
    const from = Math.max(since, clock.now() - healthHistoryTimes.keptMs)
    return (yield* all('SELECT * FROM health WHERE at >= $1 ORDER BY at, region', from)).map(rollUpFromRow)
  },
})

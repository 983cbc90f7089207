import { healthHistory } from '../../defaults.ts'
import type { HealthRollUp } from '../model.ts'
import { rollUpFromRow } from '../sql/rows.ts'
import type { PostgresInit } from './init.ts'

/** Health of the last day on PostgreSQL. */
export const healthRollUps = ({ db, clock }: PostgresInit) => ({
  writeHealth: async (rollUps: readonly HealthRollUp[]): Promise<void> => {
    await db.transaction(async tx => {
      for (const { at, region, document } of rollUps)
        await tx.run(
          'INSERT INTO health VALUES ($1, $2, $3) ON CONFLICT (at, region) DO UPDATE SET document = $3',
          at,
          region,
          document,
        )
    })
  },

  listHealth: async (since: number): Promise<HealthRollUp[]> => {
    const from = Math.max(since, clock.now() - healthHistory.keptMs)
    const rows = await db.all('SELECT * FROM health WHERE at >= $1 ORDER BY at, region', from)
    return rows.map(rollUpFromRow)
  },
})

import { healthHistory } from '../../defaults.ts'
import type { HealthRollUp } from '../model.ts'
import { rollUpFromRow } from '../sql/rows.ts'
import type { SqliteInit } from './init.ts'

/** Health of the last day on SQLite; of writes the caller holds the transaction. */
export const healthRollUps = ({ db, clock }: SqliteInit) => ({
  writeHealth(rollUps: readonly HealthRollUp[]): void {
    for (const { at, region, document } of rollUps)
      db.run('INSERT OR REPLACE INTO health VALUES (?, ?, ?)', at, region, document)
  },

  listHealth: (since: number): HealthRollUp[] =>
    db
      .all(
        'SELECT * FROM health WHERE at >= ? ORDER BY at, region',
        Math.max(since, clock.now() - healthHistory.keptMs),
      )
      .map(rollUpFromRow),
})

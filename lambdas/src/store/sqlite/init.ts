import type { Clock } from '../clock.ts'
import type { Database } from './database.ts'

/** What every part of the adapter works with. */
export interface SqliteInit {
  db: Database
  clock: Clock
  maxMembers: number
}

import type { Clock } from '../clock.ts'
import type { Database } from './database.ts'

/** What every part of the adapter works with. */
export interface PostgresInit {
  db: Database
  clock: Clock
  maxMembers: number
}

import type { Clock } from '../clock.ts'
import type { KeyedQueue } from './contention.ts'
import type { Dynamo } from './dynamo.ts'

/** What every part of the adapter works with. */
export interface DynamoInit {
  db: Dynamo
  clock: Clock
  maxMembers: number
  queue: KeyedQueue
}

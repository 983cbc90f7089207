/** Lambda: removes what has expired; started by a schedule. */
import { readEnvironment } from '../hosts/lambda/environment.ts'
import { changeFeed } from '../domain/change-feed.ts'
import { removeOffline } from '../domain/removal.ts'
import { jsonLog } from '../hosts/lambda/json-log.ts'
import { systemClock } from '../store/clock.ts'
import { openDynamoStore } from '../store/dynamodb/dynamo-store.ts'

const { table, maxMembers } = readEnvironment()
const store = openDynamoStore({ table, maxMembers })

export async function handler(): Promise<void> {
  await store.collectGarbage()
  // Whoever watches is told by the stream of the table.
  const removed = await removeOffline({ store, clock: systemClock, changes: changeFeed() })
  jsonLog.info({ table, removed }, 'swept')
}

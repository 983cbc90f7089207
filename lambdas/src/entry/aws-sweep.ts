/** Lambda: removes what has expired; started by a schedule. */
import { readEnvironment } from '../hosts/lambda/environment.ts'
import { jsonLog } from '../hosts/lambda/json-log.ts'
import { openDynamoStore } from '../store/dynamodb/dynamo-store.ts'

const { table, maxMembers } = readEnvironment()
const store = openDynamoStore({ table, maxMembers })

export async function handler(): Promise<void> {
  await store.collectGarbage()
  jsonLog.info({ table }, 'swept')
}

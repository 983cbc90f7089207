/** Lambda: removes what has expired; started by a schedule. */
import { readEnvironment } from '../hosts/lambda/environment.ts'
import { jsonLog } from '../hosts/lambda/json-log.ts'
import { meshOpener } from '../hosts/lambda/open-mesh.ts'
import { kmsSignerOf } from '../signer/kms-key.ts'
import { openDynamoStore } from '../store/dynamodb/dynamo-store.ts'

const settings = readEnvironment()
const { table, maxMembers } = settings
const store = openDynamoStore({ table, maxMembers })
const plane = meshOpener({ settings, signerOf: kmsSignerOf(settings.authorityKeyId) })

export async function handler(): Promise<void> {
  await store.collectGarbage()
  // Nobody is in the map of a stack whose mesh is not made yet.
  if ((await store.readPart('keys')) === undefined) return
  // Whoever watches is told by the stream of the table.
  const removed = await (await plane()).removeOffline()
  jsonLog.info({ table, removed }, 'swept')
}

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
  // Nothing has expired in a stack whose mesh is not made yet.
  if ((await store.readPart('keys')) === undefined) return
  const { auditSeal, collectGarbage, removeOffline, time } = await plane()
  await collectGarbage()
  // Whoever watches is told by the stream of the table.
  const removed = await removeOffline()
  await auditSeal.seal()
  const broken = auditSeal.warning()
  if (broken !== undefined) jsonLog.error({ table, warning: broken }, 'audit not signed')
  const warning = time.warning()
  if (warning !== undefined) jsonLog.warn({ table, warning }, 'sweep stopped')
  jsonLog.info({ table, removed }, 'swept')
}

/** Lambda: removes what has expired; started by a schedule. */
import { readEnvironment } from '../hosts/lambda/environment.ts'
import { fleetGauges } from '../domain/fleet-gauges.ts'
import { countSignErrors } from '../hosts/lambda/count-sign-errors.ts'
import { jsonLog, withRequestId } from '../hosts/lambda/json-log.ts'
import { embeddedMetrics } from '../hosts/lambda/metrics.ts'
import { meshOpener } from '../hosts/lambda/open-mesh.ts'
import { kmsSignerOf } from '../signer/kms-key.ts'
import { openDynamoStore } from '../store/dynamodb/dynamo-store.ts'

const settings = readEnvironment()
const { table, maxMembers } = settings
const store = openDynamoStore({ table, maxMembers })
const metrics = embeddedMetrics(settings.stack)
const signerOf = countSignErrors(kmsSignerOf(settings.authorityKeyIds), metrics)
const plane = meshOpener({ settings, signerOf })

async function sweep(): Promise<void> {
  // Nothing has expired in a stack that has no mesh yet.
  if ((await store.headParts.readPart('keys')) === undefined) return
  const { auditSeal, collectGarbage, mesh, removeOffline, time, tokens } = await plane()
  const { relays, liveRelays, tokenDays } = await fleetGauges(mesh, tokens)
  metrics.add('Relays', relays)
  metrics.add('LiveRelays', liveRelays)
  metrics.add('NoLiveRelay', relays > 0 && liveRelays === 0 ? 1 : 0)
  if (tokenDays !== undefined) metrics.add('TokenDays', tokenDays)
  metrics.flush()
  await collectGarbage()
  // The stream of the table informs watchers.
  const removed = await removeOffline()
  await auditSeal.seal()
  const broken = auditSeal.warning()
  if (broken !== undefined)
    jsonLog.error({ event: 'audit-not-signed', table, warning: broken }, 'audit not signed')
  const warning = time.warning()
  if (warning !== undefined) jsonLog.warn({ event: 'sweep-stopped', table, warning }, 'sweep stopped')
  jsonLog.info({ event: 'swept', table, removed }, 'swept')
}

export const handler = withRequestId(sweep)

/** Lambda: pushes changes to watchers; started by the table's stream, and by a schedule to send all watchers a fresh head. */
import { dynamoConnections, isConnection } from '../hosts/api-gateway/dynamo-connections.ts'
import { fanOut, type FanOutWork } from '../hosts/api-gateway/fan-out.ts'
import { apiGatewayPusher } from '../hosts/api-gateway/pusher.ts'
import { readCallbackUrl, readEnvironment } from '../hosts/lambda/environment.ts'
import { countSignErrors } from '../hosts/lambda/count-sign-errors.ts'
import { jsonLog, withRequestId } from '../hosts/lambda/json-log.ts'
import { embeddedMetrics } from '../hosts/lambda/metrics.ts'
import { meshOpener } from '../hosts/lambda/open-mesh.ts'
import { changedKeys, type StreamEvent } from '../hosts/lambda/stream-event.ts'
import { kmsSignerOf } from '../signer/kms-key.ts'
import { systemClock } from '../store/clock.ts'
import { keys } from '../store/dynamodb/table.ts'

const settings = readEnvironment()
const connections = dynamoConnections({ table: settings.table }, systemClock)
const pusher = apiGatewayPusher(readCallbackUrl())
const metrics = embeddedMetrics(settings.stack)
const signerOf = countSignErrors(kmsSignerOf(settings.authorityKeyIds), metrics)
const plane = meshOpener({ settings, signerOf })

/** An event without records comes from the schedule. */
function workOf(event: Partial<StreamEvent>): FanOutWork {
  if (event.Records === undefined) return { head: true, map: true, opened: [] }
  const changed = changedKeys({ Records: event.Records })
  return {
    head: changed.some(({ pk }) => pk === keys.headNumbers.pk),
    map: changed.some(({ pk }) => pk.startsWith('D#')),
    opened: changed.filter(isConnection).map(({ sk }) => sk),
  }
}

async function pushChanges(event: Partial<StreamEvent>): Promise<void> {
  const work = workOf(event)
  const { pushes, watchers } = await fanOut({ plane: await plane(), connections, pusher, log: jsonLog }, work)
  metrics.add('Pushes', pushes)
  metrics.add('Watchers', watchers)
  metrics.flush()
}

export const handler = withRequestId(pushChanges)

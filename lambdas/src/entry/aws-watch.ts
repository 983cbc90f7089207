/** Lambda: lets watchers connect to the WebSocket API, and forgets those that leave. */
import { dynamoConnections } from '../hosts/api-gateway/dynamo-connections.ts'
import { watchHandler } from '../hosts/api-gateway/watch-handler.ts'
import { readEnvironment } from '../hosts/lambda/environment.ts'
import { jsonLog, withRequestId } from '../hosts/lambda/json-log.ts'
import { noSigner } from '../hosts/lambda/no-signer.ts'
import { meshOpener } from '../hosts/lambda/open-mesh.ts'
import { systemClock } from '../store/clock.ts'

const settings = readEnvironment()

const watch = watchHandler({
  plane: meshOpener({ settings, signerOf: noSigner }),
  connections: dynamoConnections({ table: settings.table }, systemClock),
  watchUrl: settings.watchUrl,
  proxy: settings.viewerProxy,
  clock: systemClock,
  log: jsonLog,
})

export const handler = withRequestId(watch)

/** Lambda: answers the HTTP API. */
import { apiApp } from '../hosts/api-gateway/api-app.ts'
import { httpApiHandler } from '../hosts/api-gateway/http-handler.ts'
import { readEnvironment } from '../hosts/lambda/environment.ts'
import { jsonLog } from '../hosts/lambda/json-log.ts'
import { embeddedMetrics } from '../hosts/lambda/metrics.ts'
import { meshOpener } from '../hosts/lambda/open-mesh.ts'
import { kmsSignerOf } from '../signer/kms-key.ts'

const settings = readEnvironment()
const plane = meshOpener({ settings, signerOf: kmsSignerOf(settings.authorityKeyId) })

export const handler = httpApiHandler(
  apiApp({ plane, metrics: embeddedMetrics(settings.stack), log: jsonLog, publicUrl: settings.publicUrl }),
  settings.viewerProxy,
)

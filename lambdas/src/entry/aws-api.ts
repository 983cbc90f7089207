/** Lambda: answers the HTTP API. */
import { join } from 'node:path'
import { apiApp } from '../hosts/api-gateway/api-app.ts'
import { httpApiHandler } from '../hosts/api-gateway/http-handler.ts'
import { readEnvironment } from '../hosts/lambda/environment.ts'
import { countSignErrors } from '../hosts/lambda/count-sign-errors.ts'
import { jsonLog, withRequestId } from '../hosts/lambda/json-log.ts'
import { embeddedMetrics } from '../hosts/lambda/metrics.ts'
import { meshOpener } from '../hosts/lambda/open-mesh.ts'
import { kmsSignerOf } from '../signer/kms-key.ts'

const settings = readEnvironment()
const metrics = embeddedMetrics(settings.stack)
const signerOf = countSignErrors(kmsSignerOf(settings.authorityKeyIds), metrics)
const plane = meshOpener({ settings, signerOf })
// The bundle of the Lambda has it as a separate file.
const descriptionFile = join(import.meta.dirname, 'openapi.json')
const answer = apiApp({ plane, metrics, log: jsonLog, publicUrl: settings.publicUrl, descriptionFile })

export const handler = withRequestId(httpApiHandler(answer, settings.viewerProxy))

/** The routes of the control plane as a Lambda serves them: they are created once the mesh is open. */
import { readFile } from 'node:fs/promises'
import { basePathOf, MeshError } from '@agent-mesh/protocol'
import type { ControlPlane } from '../../domain/control-plane.ts'
import type { Log } from '../../domain/log.ts'
import { apiRouter, type RequestObserver, type RequestOrigin } from '../../routes/api-router.ts'
import { operationsRouter } from '../../routes/operations-router.ts'
import { problemResponse } from '../../routes/problem.ts'
import type { Metrics } from '../lambda/metrics.ts'

export interface ApiAppInit {
  plane: () => Promise<ControlPlane>
  metrics: Metrics
  log: Log
  /** URL for members; its path may stand before those of the API. */
  publicUrl: string
  /** File of the description of the API. */
  descriptionFile: string
}

/** Never throws. While there is no mesh, only `/health` and the description of the API are served. */
export function apiApp({
  plane,
  metrics,
  log,
  publicUrl,
  descriptionFile,
}: ApiAppInit): (request: Request, origin?: RequestOrigin) => Promise<Response> {
  const operations = operationsRouter({
    ready: async () => (await plane()).ready(),
    // CloudWatch has the metrics of a Lambda: there is nothing to scrape.
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: '' }),
    description: async () => JSON.parse(await readFile(descriptionFile, 'utf8')) as object,
    base: basePathOf(publicUrl),
  })
  const observe = observer(metrics, log)
  let served: { plane: ControlPlane; api: ReturnType<typeof apiRouter> } | undefined
  operations.all('*', async c => {
    try {
      const opened = await plane()
      if (served?.plane !== opened) served = { plane: opened, api: apiRouter({ plane: opened, observe }) }
      return await served.api.fetch(c.req.raw, c.env as RequestOrigin)
    } catch (error) {
      return problemResponse(error)
    }
  })
  operations.onError(error => problemResponse(error))
  return async (request, origin = {}) => operations.fetch(request, origin)
}

const observer =
  (metrics: Metrics, log: Log): RequestObserver =>
  ({ route, status, ms, error }) => {
    const defect = error !== undefined && !(error instanceof MeshError && error.code !== 'internal')
    metrics.add('Requests', 1)
    metrics.add('RequestMs', Math.round(ms * 100) / 100)
    if (status >= 400) metrics.add('Refused', 1)
    if (defect) metrics.add('Defects', 1)
    if (defect) log.error({ event: 'request-failed', err: error, route, status }, 'request failed')
    else if (status >= 500)
      log.warn({ event: 'request-unavailable', err: error, route, status }, 'request not answered')
  }

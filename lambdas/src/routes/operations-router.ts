import { pathWithin } from '@agent-mesh/protocol'
import { Hono } from 'hono'
import type { Readiness } from '../domain/control-plane.ts'
import { refuseOtherMethods } from './other-methods.ts'
import { problemResponse } from './problem.ts'

export interface OperationsInit {
  /** Resolves when requests can be answered. */
  ready: () => Promise<Readiness>
  /** Prometheus text. */
  metrics: () => Promise<{ contentType: string; text: string }>
  /** The description of the API, OpenAPI 3.1: read on request, so that a start does not load it. */
  description: () => Promise<object>
  /** Path of the public URL, as `basePathOf` has it: they answer below it, too. @default none */
  base?: string
}

/** Endpoints for operators: `/health` (the process runs), `/ready` (it can answer), `/metrics`, and the API's description. */
export function operationsRouter({ ready, metrics, description, base = '' }: OperationsInit): Hono {
  const app = new Hono({ getPath: ({ url }) => pathWithin(base, new URL(url).pathname) })
  app.get('/health', c => c.json({ status: 'ok' }))
  app.get('/ready', c =>
    ready().then(({ warnings }) => c.json({ status: 'ready', warnings }), problemResponse),
  )
  app.get('/metrics', async c => {
    const { contentType, text } = await metrics()
    return c.body(text, 200, { 'content-type': contentType })
  })
  app.get('/v1/openapi.json', async c => c.json(await description()))
  for (const path of ['/health', '/ready', '/metrics', '/v1/openapi.json'])
    refuseOtherMethods(app, path, ['GET'])
  return app
}

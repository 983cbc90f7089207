import { MeshError, type Problem } from '@agent-mesh/protocol'
import { Hono } from 'hono'

import { apiGatewayHandler } from '../hosts/api-gateway.ts'

/**
 * The Lambda. It answers liveness; every route that needs the store says that it is not served here yet, so
 * that nobody takes an empty table for an empty mesh.
 */
const app = new Hono()

app.get('/health', context => context.json({ status: 'ok' }))

app.all('*', ({ req }) => {
  const error = new MeshError(
    'unsupported',
    `Cannot serve ${req.method} ${req.path}: the Lambda has no store yet`,
    { hint: 'Run agent-mesh control-plane on a server.' },
  )
  const problem: Problem = {
    type: `urn:agent-mesh:error:${error.code}`,
    title: error.code,
    status: error.status,
    detail: error.message,
    code: error.code,
    hint: error.hint,
  }
  return Response.json(problem, {
    status: error.status,
    headers: { 'content-type': 'application/problem+json' },
  })
})

export const handler = apiGatewayHandler(app)

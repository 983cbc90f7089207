/**
 * The Lambda. It answers what needs no store; every other route says that it is not served here yet, so that nobody
 * takes an empty table for an empty mesh.
 */
import { MeshError } from '@agent-mesh/protocol'
import { apiGatewayHandler } from '../hosts/api-gateway.ts'
import { operationsRouter } from '../routes/operations-router.ts'
import { problemResponse } from '../routes/problem.ts'

const noStore = (action: string) =>
  new MeshError('unsupported', `Cannot ${action}: the Lambda has no store yet`, {
    hint: 'Run agent-mesh control-plane on a server.',
  })

const app = operationsRouter({
  ready: () => Promise.reject(noStore('answer requests')),
  // CloudWatch counts what a Lambda does: there is nothing to scrape.
  metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: '' }),
})
app.notFound(({ req }) => problemResponse(noStore(`serve ${req.method} ${req.path.slice(0, 128)}`)))
app.onError(problemResponse)

export const handler = apiGatewayHandler(app)

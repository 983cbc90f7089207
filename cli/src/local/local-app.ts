import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import {
  localCallAllRequest,
  localCallRequest,
  localPathRequest,
  localPingRequest,
  localRotateKeyRequest,
  type LocalStatus,
} from '@agent-mesh/protocol/local-api'
import { parseJson } from '@agent-mesh/protocol/parse'
import { redact } from '@agent-mesh/protocol/redact'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'

import { defaults } from '../defaults.ts'
import type { LocalDaemon } from './local-daemon.ts'

/** The routes of the local socket: Request to Response, nothing of sockets. */
export function localApp(daemon: LocalDaemon): Hono {
  const app = new Hono()
  const tooLarge = () => {
    throw new MeshError('too_large', `Cannot read request: over ${defaults.localRequestBytes} bytes`)
  }
  app.use(bodyLimit({ maxSize: defaults.localRequestBytes, onError: tooLarge }))
  app.get('/v1/status', async c => c.json(redact(await daemon.status()) as LocalStatus))
  app.get('/v1/peers', async c => c.json({ peers: await daemon.peers() }))
  app.get('/v1/services', async c => c.json({ services: await daemon.services() }))
  app.post('/v1/call', async c => {
    const request = parseJson(localCallRequest, await c.req.text(), 'read call request')
    return c.json(await daemon.call(request, { signal: c.req.raw.signal }))
  })
  app.post('/v1/call-all', async c => {
    const request = parseJson(localCallAllRequest, await c.req.text(), 'read call-all request')
    return c.json(await daemon.callAll(request, { signal: c.req.raw.signal }))
  })
  app.post('/v1/ping', async c => {
    const request = parseJson(localPingRequest, await c.req.text(), 'read ping request')
    return c.json(await daemon.ping(request, { signal: c.req.raw.signal }))
  })
  app.post('/v1/path', async c => {
    const request = parseJson(localPathRequest, await c.req.text(), 'read path request')
    return c.json(await daemon.path(request, { signal: c.req.raw.signal }))
  })
  app.post('/v1/rotate-key', async c => {
    const { revoke } = parseJson(localRotateKeyRequest, await c.req.text(), 'read rotate-key request')
    if (daemon.rotateKey === undefined)
      throw new MeshError(
        'unsupported',
        'Cannot rotate the authority key: no control plane runs in this context',
        {
          hint: 'Ask the context of the control plane: --context NAME, or --data DIR.',
        },
      )
    return c.json(await daemon.rotateKey({ revoke }))
  })
  app.notFound(({ req }) =>
    problem(new MeshError('not_found', `Cannot serve ${req.method} ${req.path}: no such route`)),
  )
  app.onError((error, { req }) => problem(toMeshError(error, 'internal', `serve ${req.method} ${req.path}`)))
  return app
}

function problem(error: MeshError): Response {
  const headers = { 'content-type': 'application/problem+json' }
  return Response.json(problemOf(error), { status: error.status, headers })
}

import { inexactNumber } from '@agent-mesh/protocol/exact-json'
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import {
  localCallAllRequest,
  localCallRequest,
  localConfirmClockRequest,
  localPathRequest,
  localPingRequest,
  localRotateKeyRequest,
  type LocalStatus,
} from '@agent-mesh/protocol/local-api'
import { parseJson } from '@agent-mesh/protocol/parse'
import { redact } from '@agent-mesh/protocol/redact'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { Readable } from 'node:stream'
import type * as z from 'zod/mini'

import { commandDefaults } from '../defaults.ts'
import type { LocalDaemon } from './local-daemon.ts'

/** The routes of the local socket: Request to Response, nothing of sockets. */
export function localApp(daemon: LocalDaemon): Hono {
  const app = new Hono()
  const tooLarge = () => {
    throw new MeshError('too_large', `Cannot read request: over ${commandDefaults.localRequestBytes} bytes`)
  }
  app.use(bodyLimit({ maxSize: commandDefaults.localRequestBytes, onError: tooLarge }))
  app.get('/v1/status', async c => c.json(redact(await daemon.status()) as LocalStatus))
  app.get('/v1/peers', async c => c.json({ peers: await daemon.peers() }))
  app.get('/v1/services', async c => c.json({ services: await daemon.services() }))
  app.get('/v1/backup', () => {
    if (daemon.backup === undefined) throw noControlPlane('back up the mesh')
    const lines = Readable.from(daemon.backup(), { objectMode: false })
    return new Response(Readable.toWeb(lines) as ReadableStream)
  })
  const post = <S extends z.core.$ZodType>(
    what: string,
    schema: S,
    answer: (request: z.output<S>, options: { signal: AbortSignal }) => Promise<object>,
  ) =>
    app.post(`/v1/${what}`, async c => {
      const text = await c.req.text()
      const request = parseJson(schema, text, `read ${what} request`)
      const inexact = inexactNumber(text, 'request')
      if (inexact !== undefined)
        throw new MeshError(
          'invalid_argument',
          `Cannot read ${what} request: ${inexact.place} is ${inexact.text.slice(0, 40)}, which JavaScript cannot represent`,
          { hint: 'Send the number as text.' },
        )
      return c.json(await answer(request, { signal: c.req.raw.signal }))
    })
  post('call', localCallRequest, (request, options) => daemon.call(request, options))
  post('call-all', localCallAllRequest, (request, options) => daemon.callAll(request, options))
  post('ping', localPingRequest, (request, options) => daemon.ping(request, options))
  post('path', localPathRequest, (request, options) => daemon.path(request, options))
  post('confirm-clock', localConfirmClockRequest, async () => {
    if (daemon.confirmClock === undefined) throw noControlPlane('confirm the clock')
    return daemon.confirmClock()
  })
  post('rotate-key', localRotateKeyRequest, async ({ revoke }) => {
    if (daemon.rotateKey === undefined) throw noControlPlane('rotate the authority key')
    return daemon.rotateKey({ revoke })
  })
  app.notFound(({ req }) =>
    problem(new MeshError('not_found', `Cannot serve ${req.method} ${req.path}: no such route`)),
  )
  app.onError((error, { req }) => problem(toMeshError(error, 'internal', `serve ${req.method} ${req.path}`)))
  return app
}

const noControlPlane = (action: string) =>
  new MeshError('unsupported', `Cannot ${action}: no control plane runs in this context`, {
    hint: 'Name the context of the control plane with --context NAME or --data DIR.',
  })

function problem(error: MeshError): Response {
  const headers = { 'content-type': 'application/problem+json' }
  return Response.json(problemOf(error), { status: error.status, headers })
}

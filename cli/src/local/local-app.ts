import { inexactNumber } from '@agent-mesh/protocol/exact-json'
import { MeshError } from '@agent-mesh/protocol/errors'
import {
  localCallAllRequest,
  localCallRequest,
  localConfirmClockRequest,
  localPathRequest,
  localPingRequest,
  localRotateKeyRequest,
} from '@agent-mesh/protocol/local-api'
import { parseJson } from '@agent-mesh/protocol/parse'
import { redact } from '@agent-mesh/protocol/redact'
import { Readable } from 'node:stream'
import type * as z from 'zod/mini'

import { json, routed, type HandledRequest, type Handler } from './handler-server.ts'
import type { LocalDaemon } from './local-daemon.ts'

/** The routes of the local socket. */
export function localApp(daemon: LocalDaemon): Handler {
  return routed({
    'GET /v1/status': async () => json(redact(await daemon.status())),
    'GET /v1/peers': async () => json({ peers: await daemon.peers() }),
    'GET /v1/services': async () => json({ services: await daemon.services() }),
    'GET /v1/backup': () => {
      if (daemon.backup === undefined) throw noControlPlane('back up the mesh')
      const lines = Readable.from(daemon.backup(), { objectMode: false })
      return { type: 'application/x-ndjson', body: lines }
    },
    ...post('call', localCallRequest, (request, options) => daemon.call(request, options)),
    ...post('call-all', localCallAllRequest, (request, options) => daemon.callAll(request, options)),
    ...post('ping', localPingRequest, (request, options) => daemon.ping(request, options)),
    ...post('path', localPathRequest, (request, options) => daemon.path(request, options)),
    ...post('confirm-clock', localConfirmClockRequest, async () => {
      if (daemon.confirmClock === undefined) throw noControlPlane('confirm the clock')
      return daemon.confirmClock()
    }),
    ...post('rotate-key', localRotateKeyRequest, async ({ revoke }) => {
      if (daemon.rotateKey === undefined) throw noControlPlane('rotate the authority key')
      return daemon.rotateKey({ revoke })
    }),
  })
}

const post = <S extends z.core.$ZodType>(
  what: string,
  schema: S,
  answer: (request: z.output<S>, options: { signal: AbortSignal }) => Promise<object>,
): Record<string, Handler> => ({
  [`POST /v1/${what}`]: async ({ text, signal }: HandledRequest) => {
    const body = await text()
    const request = parseJson(schema, body, `read ${what} request`)
    const inexact = inexactNumber(body, 'request')
    if (inexact !== undefined)
      throw new MeshError(
        'invalid_argument',
        `Cannot read ${what} request: ${inexact.place} is ${inexact.text.slice(0, 40)}, which JavaScript cannot represent`,
        { hint: 'Send the number as text.' },
      )
    return json(await answer(request, { signal }))
  },
})

const noControlPlane = (action: string) =>
  new MeshError('unsupported', `Cannot ${action}: no control plane runs in this context`, {
    hint: 'Name the context of the control plane with --context NAME or --data DIR.',
  })

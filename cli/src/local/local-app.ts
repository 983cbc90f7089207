import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import {
  localCallAllRequest,
  localCallRequest,
  localConfirmClockRequest,
  localPathRequest,
  localPingRequest,
  localRotateKeyRequest,
} from '@agent-mesh/protocol/local-api'
import { localForwardRequest } from '@agent-mesh/protocol/local-forward'
import { localPort, localUnexposeRequest } from '@agent-mesh/protocol/local-ports'
import { localServeRequest, localUnserveRequest } from '@agent-mesh/protocol/local-programs'
import { localMessage, localStreamRequest } from '@agent-mesh/protocol/local-stream'
import { localPublishRequest, localSubscribeRequest } from '@agent-mesh/protocol/local-topics'
import { valueOfLocal } from '@agent-mesh/protocol/local-value'
import { redact } from '@agent-mesh/protocol/redact'
import { Readable } from 'node:stream'
import type * as z from 'zod/mini'

import {
  json,
  routed,
  type HandledReply,
  type HandledRequest,
  type Handler,
  type Routes,
} from './handler-server.ts'
import type { LocalDaemon, LocalPorts, LocalPrograms } from './local-daemon.ts'
import { parseExact } from './parse-exact.ts'

/** The routes of the local socket. */
export function localApp(daemon: LocalDaemon): Handler {
  return routed(localRoutes(daemon), daemon.gateway)
}

function localRoutes(daemon: LocalDaemon): Routes {
  return {
    'GET /v1/status': async () => json(redact(await daemon.status())),
    'GET /v1/peers': async () => json({ peers: await daemon.peers() }),
    'GET /v1/services': async () => json({ services: await daemon.services() }),
    'GET /v1/tuning': async () => {
      if (daemon.tuning === undefined) throw noAgent('show tuned settings')
      return json(await daemon.tuning())
    },
    'GET /v1/backup': () => {
      if (daemon.backup === undefined) throw noControlPlane('back up the mesh')
      const lines = Readable.from(daemon.backup(), { objectMode: false })
      return { type: 'application/x-ndjson', body: lines }
    },
    ...post('call', localCallRequest, (request, options) => daemon.call(request, options)),
    ...post('call-all', localCallAllRequest, (request, options) => daemon.callAll(request, options)),
    'POST /v1/stream': request => streamReply(daemon, request),
    ...post('publish', localPublishRequest, async request => {
      if (daemon.publish === undefined) throw noAgent('publish')
      return daemon.publish(request)
    }),
    'POST /v1/subscribe': request => subscribeReply(daemon, request),
    'POST /v1/forward': request => forwardReply(daemon, request),
    'GET /v1/ports': () => json({ ports: portsOf(daemon, 'list ports').list() }),
    ...post('expose', localPort, async port => {
      await portsOf(daemon, 'expose a port').add(port)
      return {}
    }),
    ...post('unexpose', localUnexposeRequest, async ({ name }) => {
      await portsOf(daemon, 'withdraw a port').remove(name)
      return {}
    }),
    'GET /v1/served': () => json({ programs: programsOf(daemon, 'list programs').list() }),
    ...post('serve', localServeRequest, (request, options) =>
      programsOf(daemon, 'serve a program').serve(request, options),
    ),
    ...post('unserve', localUnserveRequest, async ({ service }) => {
      await programsOf(daemon, 'withdraw a program').remove(service)
      return {}
    }),
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
  }
}

const post = <S extends z.core.$ZodType>(
  what: string,
  schema: S,
  answer: (request: z.output<S>, options: { signal: AbortSignal }) => Promise<object>,
): Record<string, Handler> => ({
  [`POST /v1/${what}`]: async ({ text, signal }: HandledRequest) => {
    const request = parseExact(schema, await text(), `read ${what} request`, 'request')
    return json(await answer(request, { signal }))
  },
})

async function streamReply(daemon: LocalDaemon, { lines, signal }: HandledRequest): Promise<HandledReply> {
  if (daemon.stream === undefined) throw noAgent('stream')
  const sent = lines()
  const { value: first = '' } = await sent.next()
  const request = parseExact(localStreamRequest, first ?? '', 'read stream request', 'request')
  const input = request.input === true ? messagesOf(sent) : undefined
  return linesReply('stream', daemon.stream(request, { signal, input }))
}

async function subscribeReply(daemon: LocalDaemon, { text, signal }: HandledRequest): Promise<HandledReply> {
  if (daemon.subscribe === undefined) throw noAgent('subscribe')
  const request = parseExact(localSubscribeRequest, await text(), 'read subscribe request', 'request')
  return linesReply('subscribe', daemon.subscribe(request, { signal }))
}

async function forwardReply(daemon: LocalDaemon, { lines, signal }: HandledRequest): Promise<HandledReply> {
  if (daemon.forward === undefined) throw noAgent('forward')
  const sent = lines()
  const { value: first = '' } = await sent.next()
  const request = parseExact(localForwardRequest, first ?? '', 'read forward request', 'request')
  return linesReply('forward', await daemon.forward(request, { signal: untilMore(sent, signal) }))
}

/** Aborts with `signal`, and when the client ends its lines or says more. */
function untilMore(lines: AsyncGenerator<string, void, undefined>, signal: AbortSignal): AbortSignal {
  const ended = new AbortController()
  const end = () => ended.abort()
  lines.next().then(end, end)
  return AbortSignal.any([signal, ended.signal])
}

async function* messagesOf(lines: AsyncIterable<string>): AsyncGenerator<unknown, void, undefined> {
  for await (const line of lines)
    yield valueOfLocal(parseExact(localMessage, line, 'read message', 'message'))
}

const linesReply = (what: string, lines: AsyncIterable<object>): HandledReply => ({
  type: 'application/x-ndjson',
  body: Readable.from(replyLines(what, lines), { objectMode: false }),
})

async function* replyLines(
  what: string,
  lines: AsyncIterable<object>,
): AsyncGenerator<string, void, undefined> {
  try {
    for await (const line of lines) yield `${JSON.stringify(line)}\n`
  } catch (thrown) {
    const error = problemOf(toMeshError(thrown, 'internal', `serve POST /v1/${what}`))
    yield `${JSON.stringify({ error })}\n`
  }
}

/** @throws MeshError unsupported when no agent runs */
function portsOf({ ports }: LocalDaemon, action: string): LocalPorts {
  if (ports === undefined) throw noAgent(action)
  return ports
}

/** @throws MeshError unsupported when no agent runs */
function programsOf({ programs }: LocalDaemon, action: string): LocalPrograms {
  if (programs === undefined) throw noAgent(action)
  return programs
}

const noControlPlane = (action: string) =>
  new MeshError('unsupported', `Cannot ${action}: no control plane runs in this context`, {
    hint: 'Name the context of the control plane with --context NAME or --data DIR.',
  })

const noAgent = (action: string) =>
  new MeshError('unsupported', `Cannot ${action}: no agent runs in this context`, {
    hint: 'Name the context of an agent with --context NAME or --data DIR.',
  })

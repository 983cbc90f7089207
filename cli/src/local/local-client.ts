import { MeshError } from '@agent-mesh/protocol/errors'
import {
  localCallAllReply,
  localCallReply,
  localConfirmClockReply,
  localPeersReply,
  localPingReply,
  localRotateKeyReply,
  localServicesReply,
  localStatusReply,
  type LocalCallAllRequest,
  type LocalCallRequest,
  type LocalPathRequest,
  type LocalPingRequest,
  type LocalRotateKeyRequest,
} from '@agent-mesh/protocol/local-api'
import { localNothing, localPortsReply, type LocalPort } from '@agent-mesh/protocol/local-ports'
import type { LocalStreamRequest } from '@agent-mesh/protocol/local-stream'
import {
  localPublishReply,
  type LocalPublishRequest,
  type LocalSubscribeRequest,
} from '@agent-mesh/protocol/local-topics'
import type { LocalValue } from '@agent-mesh/protocol/local-value'
import { pathReportSchema } from '@agent-mesh/protocol/path-report'
import { tuningReportSchema } from '@agent-mesh/protocol/tuning-report'
import { parseJson } from '@agent-mesh/protocol/parse'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type * as z from 'zod/mini'

import { checkSocketPath, socketPath } from '../data/data-folder.ts'
import { commandDefaults } from '../defaults.ts'
import { failureOf, problemIn } from './local-failure.ts'
import { openStream, openSubscription, type LocalSocket } from './stream-client.ts'

/**
 * Asks the process that owns a data folder. Every method throws MeshError: `NothingRunningError` when no process
 * answers, deadline_exceeded, cancelled, or what the process answered.
 */
export function localClient(folder: string, signal?: AbortSignal) {
  checkSocketPath(folder)
  const wire = { folder, signal }
  const get = <S extends z.ZodMiniType>(path: string, schema: S) =>
    ask(wire, { method: 'GET', path, timeoutMs: commandDefaults.localTimeoutMs }, schema)
  const post = async <S extends z.ZodMiniType>(path: string, body: object, schema: S) => {
    const { timeoutMs: asked } = body as { timeoutMs?: number | undefined }
    const timeoutMs = (asked ?? commandDefaults.callTimeoutMs) + commandDefaults.localSlackMs
    const text = JSON.stringify(body)
    if (Buffer.byteLength(text) > commandDefaults.localRequestBytes)
      throw new MeshError(
        'too_large',
        `Cannot send the request: it is over ${commandDefaults.localRequestBytes} bytes`,
      )
    return ask(wire, { method: 'POST', path, body: text, timeoutMs }, schema)
  }
  return {
    status: () => get('/v1/status', localStatusReply),
    peers: async () => (await get('/v1/peers', localPeersReply)).peers,
    services: async () => (await get('/v1/services', localServicesReply)).services,
    tuning: () => get('/v1/tuning', tuningReportSchema),
    call: (body: LocalCallRequest) => post('/v1/call', body, localCallReply),
    callAll: (body: LocalCallAllRequest) => post('/v1/call-all', body, localCallAllReply),
    /** Messages of a handler, then how it ended; `input` is what it is sent. To leave it early cancels the stream. */
    stream: (body: Omit<LocalStreamRequest, 'input'>, input?: AsyncIterable<LocalValue>) =>
      openStream(wire, body, input),
    publish: (body: LocalPublishRequest) => post('/v1/publish', body, localPublishReply),
    /** That the agent has subscribed, then messages. To leave it ends the subscription. */
    subscribe: (body: LocalSubscribeRequest) => openSubscription(wire, body),
    ports: async () => (await get('/v1/ports', localPortsReply)).ports,
    expose: (body: LocalPort) => post('/v1/expose', body, localNothing),
    unexpose: (name: string) => post('/v1/unexpose', { name }, localNothing),
    ping: (body: LocalPingRequest) => post('/v1/ping', body, localPingReply),
    path: (body: LocalPathRequest) => post('/v1/path', body, pathReportSchema),
    /** The lines of a backup, as they come; ends early, with an error, when the control plane stops. */
    backup: () => openBackup(wire),
    confirmClock: () => post('/v1/confirm-clock', {}, localConfirmClockReply),
    rotateKey: (body: LocalRotateKeyRequest) => post('/v1/rotate-key', body, localRotateKeyReply),
  }
}

export type LocalClient = ReturnType<typeof localClient>

async function* openBackup({ folder, signal }: LocalSocket): AsyncGenerator<Uint8Array, void, undefined> {
  const path = '/v1/backup'
  const fail = (error: unknown) => failureOf(error, folder, path, false)
  const abort = signal === undefined ? {} : { signal }
  try {
    const sent = request({ socketPath: socketPath(folder), path, agent: false, ...abort }).end()
    const [reply] = (await once(sent, 'response')) as [IncomingMessage]
    if (reply.statusCode !== 200) throw problemIn(Buffer.concat(await reply.toArray()).toString(), path)
    yield* reply as AsyncIterable<Uint8Array>
  } catch (error) {
    throw error instanceof MeshError ? error : fail(error)
  }
}

interface Ask {
  method: 'GET' | 'POST'
  path: string
  body?: string
  timeoutMs: number
}

async function ask<S extends z.ZodMiniType>(wire: LocalSocket, what: Ask, schema: S): Promise<z.output<S>> {
  const { status, text } = await exchange(wire, what)
  if (status === 200)
    return parseJson(schema, text, `read the reply of the process of ${wire.folder}`, 'protocol_error')
  throw problemIn(text, what.path)
}

function exchange(
  { folder, signal }: LocalSocket,
  { method, path, body, timeoutMs }: Ask,
): Promise<{ status: number; text: string }> {
  const timeout = timeoutSignal(timeoutMs)
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(failureOf(error, folder, path, timeout.aborted && timeoutMs))
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = request(
      { socketPath: socketPath(folder), method, path, headers, agent: false, signal: either },
      reply => {
        const chunks: Buffer[] = []
        reply.on('data', (chunk: Buffer) => chunks.push(chunk))
        reply.on('end', () =>
          resolve({ status: reply.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        )
        reply.on('error', fail)
      },
    )
    sent.on('error', fail)
    sent.end(body)
  })
}

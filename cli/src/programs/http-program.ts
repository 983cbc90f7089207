/**
 * Serves calls by `POST URL/METHOD` to a program that speaks HTTP. Its requests are made here, of the call alone: a caller has no header
 * of its own in them. The bodies are those of the gateway (docs/gateway.md), both ways.
 */
import type { OutgoingHttpHeaders } from 'node:http'

import type { CallContext, ServiceDefinition } from '@agent-mesh/agent'
import { linesOf } from '@agent-mesh/agent/gateway/lines'
import { traceparentOf } from '@agent-mesh/agent/observe/traceparent'
import { wholeRemainingMs } from '@agent-mesh/protocol/duration'
import { MeshError } from '@agent-mesh/protocol/errors'
import { localValueFields } from '@agent-mesh/protocol/local-api'
import type { ProgramMethod, ServedProgram } from '@agent-mesh/protocol/local-programs'
import { localMessage } from '@agent-mesh/protocol/local-stream'
import { localValue, valueOfLocal } from '@agent-mesh/protocol/local-value'
import * as z from 'zod/mini'

import { linesType } from '../gateway/admission.ts'
import { contractOf } from './program-contract.ts'
import { askProgram, brokenOff, typeOf } from './program-http.ts'
import { isSuccess, lineError, parseProgram, programProblem, resultOf, tailedType } from './program-reply.ts'

/** Of a message of a program, bytes: as of the gateway. */
const lineBytes = 2 * 1024 * 1024

export function httpProgram({ service, url, methods }: ServedProgram): ServiceDefinition {
  const base = url.replace(/\/+$/, '')
  const handlers = Object.fromEntries(methods.map(method => [method.name, handlerOf(method, base)]))
  return { contract: contractOf(service, methods), handlers }
}

type Context = CallContext<Record<never, never>, unknown>
type Handler = (params: unknown, context: Context) => Promise<unknown> | AsyncGenerator<unknown, unknown>

function handlerOf(method: ProgramMethod, base: string): Handler {
  const url = `${base}/${method.name}`
  const declared = Object.keys(method.errors ?? {})
  const ask = (params: unknown, context: Context) => {
    const sent = method.takes === undefined ? bodyOf(params) : linesBody(params, context.input)
    const headers = { ...callHeaders(context), ...sent.headers, accept: acceptedOf(method) }
    return askProgram({
      ...{ url, headers, body: sent.body, signal: context.signal, action: `call ${context.method}` },
    })
  }
  const call: Handler = async (params, context) =>
    resultOf(await ask(params, context), `call ${context.method}`, declared)
  const stream: Handler = async function* (params, context) {
    const action = `call ${context.method}`
    const reply = await ask(params, context)
    if (!isSuccess(reply) || typeOf(reply) !== linesType) return resultOf(reply, action, declared)
    return yield* messagesOf(reply, action, declared)
  }
  return method.yields === undefined ? call : stream
}

const acceptedOf = ({ yields }: ProgramMethod): string =>
  yields === undefined ? 'application/json, application/octet-stream' : linesType

/** Who calls, as the mesh proved it, and for how long. */
function callHeaders({ caller, app, remainingMs, idempotent, trace }: Context): OutgoingHttpHeaders {
  return {
    'Mesh-Peer': caller.sub,
    'Mesh-Name': caller.name,
    'Mesh-Roles': caller.roles.join(','),
    ...(app !== undefined && { 'Mesh-App': encodeURIComponent(app) }),
    ...(Number.isFinite(remainingMs) && { 'Mesh-Timeout': `${wholeRemainingMs(remainingMs, 1)}ms` }),
    ...(idempotent && { 'Mesh-Idempotent': 'true' }),
    ...(trace !== undefined && { traceparent: traceparentOf(trace) }),
  }
}

interface Body {
  readonly headers: OutgoingHttpHeaders
  readonly body: string | Uint8Array | AsyncIterable<string>
}

/** JSON, bytes as they are, or both as the gateway has them. */
function bodyOf(params: unknown): Body {
  if (params instanceof Uint8Array) return whole('application/octet-stream', params)
  const local = localValue(params)
  return local.bytes === undefined
    ? whole('application/json', params === undefined ? '' : JSON.stringify(params))
    : whole(tailedType, JSON.stringify(local))
}

const whole = (type: string, body: string | Uint8Array): Body => ({
  headers: { 'content-type': type, 'content-length': Buffer.byteLength(body) },
  body,
})

const linesBody = (params: unknown, input: AsyncIterable<unknown>): Body => ({
  headers: { 'content-type': linesType },
  body: lines(params, input),
})

async function* lines(params: unknown, input: AsyncIterable<unknown>): AsyncGenerator<string> {
  yield `${JSON.stringify(params ?? null)}\n`
  for await (const message of input) yield `${JSON.stringify(localValue(message))}\n`
}

/** A message, or the last line: how the program ended. */
const programLine = z.strictObject({
  ...localValueFields,
  end: z.optional(localMessage),
  error: z.optional(programProblem),
})

async function* messagesOf(
  reply: AsyncIterable<Buffer>,
  action: string,
  declared: readonly string[],
): AsyncGenerator<unknown, unknown> {
  try {
    for await (const text of linesOf(reply, lineBytes, 'the reply of a program')) {
      const line = parseProgram(programLine, text, action)
      if (line.error !== undefined) throw lineError(line.error, action, declared)
      if (line.end !== undefined) return valueOfLocal(line.end)
      yield valueOfLocal(line)
    }
  } catch (cause) {
    throw cause instanceof MeshError ? cause : brokenOff(cause, action)
  }
  throw new MeshError('unavailable', `Cannot ${action}: its program broke off`)
}

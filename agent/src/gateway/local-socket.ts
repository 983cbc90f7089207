/** Requests to the process that runs on this machine, on the socket of its data folder: HTTP + JSON, see protocol/src/local-api.ts. */
import { errorOfProblem, problemSchema, type Problem } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { parseJson } from '@agent-mesh/protocol/parse'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import { request, type ClientRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import type * as z from 'zod/mini'
import { passedTrace } from '../observe/passed-trace.ts'
import { traceHeaders } from '../observe/traceparent.ts'
import { localAddress, socketPath } from './local-address.ts'

/** Of a request, or of a line of a stream: the largest inline body of a call, with room for JSON; bytes. */
export const requestBytes = 2 * 1024 * 1024
/** ms by which a reply may lag behind the deadline of the call that it carries. */
const slackMs = 2_000
/** ms for a reply that needs no network. */
const quickMs = 5_000

export interface LocalRequest {
  readonly path: string
  /** JSON; absent: GET. */
  readonly body?: string
  /** ms that the process has for it. @default that of a request that needs no network */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** No process answers on the socket of the data folder; nothing has begun. */
export class NoProcessError extends MeshError {
  constructor(folder: string, cause: unknown) {
    super('unavailable', `Cannot reach the agent of ${folder}: no process runs there`, {
      cause,
      notStarted: true,
      hint: 'Start it with "agent-mesh up", or name another folder with data or context.',
    })
  }
}

/**
 * What the process of a data folder answers.
 * @throws MeshError what it answered; NoProcessError, deadline_exceeded, cancelled, too_large; unsupported by a process of an older version
 */
export async function askLocal<S extends z.ZodMiniType>(
  folder: string,
  asked: LocalRequest,
  schema: S,
): Promise<z.output<S>> {
  const { path, body = '' } = asked
  if (Buffer.byteLength(body) > requestBytes)
    throw new MeshError('too_large', `Cannot send the request: it is over ${requestBytes} bytes`)
  const { status, text } = await exchange(folder, asked)
  if (status === 200)
    return parseJson(schema, text, `read the reply of the process of ${folder}`, 'protocol_error')
  throw problemIn(text, path)
}

/** What the process answered in place of a result. */
export function problemIn(problem: string | Problem, path: string): MeshError {
  const known =
    typeof problem === 'string'
      ? parseJson(problemSchema, problem, `read the reply of ${path}`, 'protocol_error')
      : problem
  // Processes of every version say it in these words.
  if (known.code === 'not_found' && known.detail.endsWith(` ${path.replace(/\?.*/, '')}: no such route`))
    return new MeshError('unsupported', `Cannot ask for ${path}: the running process has no such request`, {
      notStarted: true,
      hint: 'It runs an older version of Agent Mesh: restart it with this one.',
    })
  return errorOfProblem(known) ?? new MeshError('internal', known.detail)
}

/** A connection to the process. @throws as {@link localAddress}; NoProcessError */
export function connectLocal(folder: string, platform = process.platform): Socket {
  const address = localAddress(folder, platform)
  if (address === undefined) throw new NoProcessError(folder, undefined)
  return connect({ path: address })
}

/** A request to the process, which continues the trace that it is sent within; it has sent nothing yet. @param type of its body; absent: GET */
export function openLocal(
  folder: string,
  { path, type, signal }: { path: string; type?: string | undefined; signal?: AbortSignal | undefined },
): ClientRequest {
  const traced = traceHeaders(passedTrace())
  const how =
    type === undefined
      ? { method: 'GET', headers: traced }
      : { method: 'POST', headers: { 'content-type': type, ...traced } }
  return request({
    ...{ createConnection: () => connectLocal(folder), path, ...how },
    ...(signal !== undefined && { signal }),
  })
}

function exchange(
  folder: string,
  { path, body, timeoutMs, signal }: LocalRequest,
): Promise<{ status: number; text: string }> {
  const limitMs = timeoutMs === undefined ? quickMs : timeoutMs + slackMs
  const timeout = timeoutSignal(limitMs)
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  const type = body === undefined ? undefined : 'application/json'
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(failureOf(error, folder, { signal, ...(timeout.aborted && { timedOut: limitMs }) }))
    const sent = openLocal(folder, { path, type, signal: either })
    sent.on('response', reply => {
      const chunks: Buffer[] = []
      reply.on('data', (chunk: Buffer) => chunks.push(chunk))
      reply.on('end', () =>
        resolve({ status: reply.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      )
      reply.on('error', fail)
    })
    sent.on('error', fail)
    sent.end(body)
  })
}

/** Why there was no answer. @param why `timedOut`: ms that were waited, when that is why */
export function failureOf(
  cause: unknown,
  folder: string,
  { signal, timedOut }: { signal: AbortSignal | undefined; timedOut?: number },
): MeshError {
  const action = `ask the process of ${folder}`
  if (signal?.reason instanceof MeshError) return signal.reason
  if (signal?.aborted === true) return toMeshError(signal.reason, 'cancelled', action)
  if (timedOut !== undefined)
    return new MeshError('deadline_exceeded', `Cannot ${action}: no answer within ${timedOut} ms`, { cause })
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return new NoProcessError(folder, cause)
  // Windows says EPERM.
  if (code === 'EACCES' || code === 'EPERM')
    return new MeshError(
      'permission_denied',
      `Cannot open ${socketPath(folder)}: it belongs to another user`,
      { cause, hint: 'Run it as the user that runs "agent-mesh up".' },
    )
  return toMeshError(cause, 'unavailable', action)
}

/** Requests to the process that runs on this machine, on the socket of its data folder: HTTP + JSON, see protocol/src/local-api.ts. */
import { errorOfProblem, problemSchema, type Problem } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { parseJson } from '@agent-mesh/protocol/parse'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import { request, type ClientRequest } from 'node:http'
import { join } from 'node:path'
import type * as z from 'zod/mini'

/** Of a request, or of a line of a stream: the largest inline body of a call, with room for JSON; bytes. */
export const requestBytes = 2 * 1024 * 1024
/** ms by which a reply may lag behind the deadline of the call that it carries; the whole wait where no network is asked. */
const slackMs = 2_000

export interface LocalRequest {
  readonly path: string
  /** JSON; absent: GET. */
  readonly body?: string
  /** ms that the process has for it. @default 0 */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * What the process of a data folder answers.
 * @throws MeshError what it answered; unavailable, not started, where none runs; deadline_exceeded, cancelled, too_large
 */
export async function askLocal<S extends z.ZodMiniType>(
  folder: string,
  asked: LocalRequest,
  schema: S,
): Promise<z.output<S>> {
  const { path, body = '' } = asked
  if (Buffer.byteLength(body) > requestBytes)
    throw new MeshError(
      'too_large',
      `Cannot ask the agent of ${folder}: the request is over ${requestBytes} bytes`,
    )
  const { status, text } = await exchange(folder, asked)
  if (status === 200) return parseJson(schema, text, `read the reply of ${path}`, 'protocol_error')
  throw problemIn(text, path)
}

/** What the agent answered in place of a result. */
export function problemIn(problem: string | Problem, path: string): MeshError {
  const known =
    typeof problem === 'string'
      ? parseJson(problemSchema, problem, `read the reply of ${path}`, 'protocol_error')
      : problem
  return errorOfProblem(known) ?? new MeshError('internal', known.detail)
}

/** A request to the process; it has sent nothing yet. @param type of its body; absent: GET */
export function openLocal(
  folder: string,
  { path, type, signal }: { path: string; type?: string | undefined; signal: AbortSignal },
): ClientRequest {
  const how = type === undefined ? { method: 'GET' } : { method: 'POST', headers: { 'content-type': type } }
  return request({ socketPath: join(folder, 'agent.sock'), path, agent: false, signal, ...how })
}

function exchange(
  folder: string,
  { path, body, timeoutMs = 0, signal }: LocalRequest,
): Promise<{ status: number; text: string }> {
  const timeout = timeoutSignal(timeoutMs + slackMs)
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  const type = body === undefined ? undefined : 'application/json'
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(failureOf(error, folder, { signal, timeout }))
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

/** Why there was no answer. */
export function failureOf(
  cause: unknown,
  folder: string,
  { signal, timeout }: { signal: AbortSignal | undefined; timeout?: AbortSignal },
): MeshError {
  const action = `ask the agent of ${folder}`
  if (signal?.reason instanceof MeshError) return signal.reason
  if (signal?.aborted === true)
    return new MeshError('cancelled', `Cannot ${action}: cancelled by the caller`, { cause })
  if (timeout?.aborted === true)
    return new MeshError('deadline_exceeded', `Cannot ${action}: no answer in time`, { cause })
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return new MeshError('unavailable', `Cannot ${action}: no process runs there`, {
      cause,
      notStarted: true,
      hint: 'Start it with "agent-mesh up", or name another folder with data or context.',
    })
  if (code === 'EACCES')
    return new MeshError('permission_denied', `Cannot ${action}: its socket belongs to another user`, {
      cause,
      hint: 'Run the program as the user that runs "agent-mesh up".',
    })
  return toMeshError(cause, 'unavailable', action)
}

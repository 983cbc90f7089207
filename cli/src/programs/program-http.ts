/** Requests to a program that speaks HTTP, each on a connection of its own: a program that starts again has no stale ones. */
import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { GatheredBytes } from '@agent-mesh/agent/gateway/gathered-bytes'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

export interface ProgramRequest {
  readonly url: string
  readonly headers: OutgoingHttpHeaders
  /** Absent: GET. */
  readonly body?: string | Uint8Array | AsyncIterable<string>
  readonly signal: AbortSignal
  /** For errors: `call math.add`. */
  readonly action: string
}

/** @returns the head of the reply @throws MeshError unavailable when the program does not answer; cancelled */
export async function askProgram(asked: ProgramRequest): Promise<IncomingMessage> {
  const { url, headers, body, signal, action } = asked
  const sent = request(url, {
    ...{ method: body === undefined ? 'GET' : 'POST', headers, signal, agent: false },
  })
  const replied = once(sent, 'response')
  // It ends with the reply: what cannot be sent behind that is not wanted.
  sent.on('error', () => undefined)
  sendBody(sent, body)
  try {
    const [reply] = (await replied) as [IncomingMessage]
    return reply
  } catch (cause) {
    throw unanswered(cause, url, action)
  }
}

function sendBody(sent: ClientRequest, body: ProgramRequest['body']): void {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return void sent.end(body)
  sent.flushHeaders()
  pipeline(Readable.from(body, { objectMode: false }), sent).catch(() => sent.destroy())
}

function unanswered(cause: unknown, url: string, action: string): MeshError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
  if (code === undefined || code === 'ABORT_ERR') return toMeshError(cause, 'unavailable', action)
  const { host } = new URL(url)
  const reason = code === 'ECONNREFUSED' ? `nothing answers at ${host}` : `its program at ${host} broke off`
  return new MeshError('unavailable', `Cannot ${action}: ${reason}`, { cause })
}

/** The whole body. @throws MeshError too_large; unavailable when it breaks off */
export async function bodyOf(reply: IncomingMessage, most: number, action: string): Promise<GatheredBytes> {
  const gathered = new GatheredBytes()
  try {
    for await (const chunk of reply as AsyncIterable<Buffer>) {
      if (gathered.length + chunk.length > most)
        throw new MeshError('too_large', `Cannot ${action}: the reply of its program is over ${most} bytes`)
      gathered.add(chunk)
    }
  } catch (cause) {
    throw brokenOff(cause, action)
  }
  return gathered
}

/** Of a reply that ended before its end. */
export const brokenOff = (cause: unknown, action: string): MeshError =>
  cause instanceof Error && 'code' in cause && cause.code === 'ECONNRESET'
    ? new MeshError('unavailable', `Cannot ${action}: its program broke off`, { cause })
    : toMeshError(cause, 'unavailable', action)

/** Without parameters, in lower case. */
export const typeOf = ({ headers }: IncomingMessage): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()

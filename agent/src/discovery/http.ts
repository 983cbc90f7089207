/** One HTTP exchange with the control plane: JSON both ways, size caps, problem details turned into MeshErrors. */
import {
  errorOfProblem,
  MeshError,
  parseJson,
  problemSchema,
  toMeshError,
  type ErrorCode,
} from '@agent-mesh/protocol'
import type { IncomingMessage } from 'node:http'
import type { Proxy } from '../transport/wires/proxy.ts'
import { discoveryDefaults } from './defaults.ts'
import { sendRequest } from './send-request.ts'

export interface Exchange {
  method: string
  url: URL
  headers: Record<string, string>
  body: Uint8Array
  signal: AbortSignal | undefined
  proxy?: Proxy | undefined
}

/** The control plane does not answer, or a proxy before it says so. */
export class UnreachableError extends MeshError {}

const unreachable = (url: URL, cause: unknown) =>
  new UnreachableError('unavailable', `Cannot reach control plane ${url.origin}: ${reasonOf(cause)}`, {
    cause,
    hint: 'Check that it runs and that the URL is right; enrolled members work without it.',
  })

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

/** A reply of 2xx, or 304 to `If-None-Match`. */
export interface HttpAnswer {
  status: number
  text: string
  etag: string | undefined
}

/** Sends, and returns the reply. @throws MeshError the server's code, or `unavailable` */
export async function exchange({ method, url, headers, body, signal, proxy }: Exchange): Promise<HttpAnswer> {
  const timeout = AbortSignal.timeout(discoveryDefaults.requestTimeoutMs)
  const limit = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
  let reply: IncomingMessage
  let text: string
  try {
    const accepting = { accept: 'application/json', ...headers }
    reply = await sendRequest({ method, url, headers: accepting, body, signal: limit, proxy })
    text = await readCapped(reply)
  } catch (error) {
    if (signal?.aborted === true)
      throw toMeshError(signal.reason, 'cancelled', `reach control plane ${url.origin}`)
    throw error instanceof MeshError ? error : unreachable(url, limit.aborted ? limit.reason : error)
  }
  const status = reply.statusCode ?? 0
  if (redirects.includes(status)) throw unreachable(url, new Error(`it redirects (${status})`))
  const unchanged = status === 304 && 'if-none-match' in headers
  if (!unchanged && (status < 200 || status > 299)) throw problemOf(reply, text, `${method} ${url.pathname}`)
  return { status, text, etag: reply.headers.etag }
}

/** Not followed: the request is signed for the server that it was sent to. */
const redirects: readonly number[] = [301, 302, 303, 307, 308]

async function readCapped(reply: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > discoveryDefaults.replyBytes)
      throw new MeshError('too_large', `Cannot read reply: over ${discoveryDefaults.replyBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function problemOf(
  { statusCode: status = 0, headers }: IncomingMessage,
  text: string,
  action: string,
): MeshError {
  try {
    const told = errorOfProblem(parseJson(problemSchema, text, 'read problem'))
    if (told !== undefined) return told
  } catch {
    // Not our control plane's words (a proxy's, say): the status has to do.
  }
  const code: ErrorCode = status === 429 ? 'rate_limited' : status >= 500 ? 'unavailable' : 'protocol_error'
  const seconds = Number(headers['retry-after'] ?? Number.NaN)
  const kind = code === 'unavailable' ? UnreachableError : MeshError
  return new kind(code, `Cannot ${action}: the server answered ${status}`, {
    told: true,
    ...(seconds >= 0 ? { details: { retryAfterMs: seconds * 1_000 } } : {}),
  })
}

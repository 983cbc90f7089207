/** One HTTP exchange with the control plane: JSON both ways, size caps, problem details turned into MeshErrors. */
import {
  errorOfProblem,
  MeshError,
  parseJson,
  problemSchema,
  toMeshError,
  type ErrorCode,
} from '@agent-mesh/protocol'
import type { Proxy } from '../transport/wires/proxy.ts'
import { discoveryDefaults } from './defaults.ts'
import { fetchThrough } from './fetch-through.ts'

export interface Exchange {
  method: string
  url: URL
  headers: Record<string, string>
  body: Uint8Array
  signal: AbortSignal | undefined
  proxy?: Proxy | undefined
}

const unreachable = (url: URL, cause: unknown) =>
  new MeshError('unavailable', `Cannot reach control plane ${url.origin}: ${reasonOf(cause)}`, {
    cause,
    hint: 'Check that it runs and that the URL is right; everything between enrolled members goes on without it.',
  })

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message
  return error.message
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
  let response: Response
  let text: string
  try {
    const send = proxy === undefined ? fetch : fetchThrough(proxy)
    response = await send(url, {
      method,
      headers: { accept: 'application/json', ...headers },
      redirect: 'error',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      ...(body.byteLength === 0 ? {} : { body: new Uint8Array(body) }),
    })
    text = await readCapped(response)
  } catch (error) {
    if (signal?.aborted === true) throw toMeshError(error, 'cancelled', `reach control plane ${url.origin}`)
    throw error instanceof MeshError ? error : unreachable(url, error)
  }
  const { status, ok } = response
  const unchanged = status === 304 && 'if-none-match' in headers
  if (!ok && !unchanged) throw problemOf(response, text, `${method} ${url.pathname}`)
  return { status, text, etag: response.headers.get('etag') ?? undefined }
}

async function readCapped(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > discoveryDefaults.replyBytes)
      throw new MeshError('too_large', `Cannot read reply: over ${discoveryDefaults.replyBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function problemOf({ status, headers }: Response, text: string, action: string): MeshError {
  try {
    const told = errorOfProblem(parseJson(problemSchema, text, 'read problem'))
    if (told !== undefined) return told
  } catch {
    // Not our control plane's words (a proxy's, say): the status has to do.
  }
  const code: ErrorCode = status === 429 ? 'rate_limited' : status >= 500 ? 'unavailable' : 'protocol_error'
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return new MeshError(code, `Cannot ${action}: the server answered ${status}`, {
    told: true,
    ...(seconds >= 0 ? { details: { retryAfterMs: seconds * 1_000 } } : {}),
  })
}

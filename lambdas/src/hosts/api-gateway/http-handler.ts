/** API Gateway HTTP API events (payload format 2.0) to `Request`, and `Response` back. */
import { viewerAddress, type ViewerProxy } from './viewer-address.ts'

export interface HttpApiEvent {
  rawPath: string
  rawQueryString: string
  headers?: Record<string, string | undefined>
  body?: string
  isBase64Encoded?: boolean
  requestContext: { http: { method: string; sourceIp?: string }; domainName?: string; requestId?: string }
}

export interface HttpApiResult {
  statusCode: number
  headers: Record<string, string>
  body: string
}

function requestOf(event: HttpApiEvent): Request {
  const { rawPath, rawQueryString, body, isBase64Encoded, requestContext } = event
  const { method } = requestContext.http
  const query = rawQueryString === '' ? '' : `?${rawQueryString}`
  const headers = new Headers()
  for (const [name, value] of Object.entries(event.headers ?? {}))
    if (value !== undefined) headers.set(name, value)
  const bytes =
    body === undefined || body === '' ? undefined : Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')
  const withBody =
    bytes === undefined || method === 'GET' || method === 'HEAD' ? {} : { body: new Uint8Array(bytes) }
  // The host is not read: signatures cover path and query, proxies may rename the rest.
  return new Request(`https://${requestContext.domainName ?? 'control-plane'}${rawPath}${query}`, {
    method,
    headers,
    ...withBody,
  })
}

/** All answers of the control plane are text. @param proxy before the API; undefined: none */
export const httpApiHandler =
  (
    fetch: (request: Request, origin: { source?: string | undefined }) => Response | Promise<Response>,
    proxy?: ViewerProxy,
  ) =>
  async (event: HttpApiEvent): Promise<HttpApiResult> => {
    const { headers = {}, requestContext } = event
    const source = viewerAddress(headers, requestContext.http.sourceIp, proxy)
    const response = await fetch(requestOf(event), { source })
    return {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    }
  }

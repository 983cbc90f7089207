/**
 * Checks of a request to the gateway before a byte of its body is read, in this order: host, origin, site, token, content type. Pages of
 * any web site can make a browser on this machine send requests here; those checks keep them out, with or without a token.
 */
import type { IncomingHttpHeaders } from 'node:http'

import { MeshError } from '@agent-mesh/protocol/errors'

import type { GatewayToken, GatewayTokens } from './gateway-tokens.ts'

/** An error and the HTTP status that it has here. */
export interface Refusal {
  readonly status: number
  readonly error: MeshError
}

export interface AdmissionInit {
  readonly tokens: Pick<GatewayTokens, 'authenticate'>
  /** What `Host` may be: {@link hostsOf}. */
  readonly hosts: ReadonlySet<string>
}

interface Asked {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

const bytesType = 'application/octet-stream'
/** Lines of JSON. */
export const linesType = 'application/x-ndjson'

/** A form or a plain fetch of a page cannot send these without asking first. */
const contentTypes = new Set(['application/json', bytesType, linesType])

/** The names under which programs of this machine know it, with the port; for port 80 clients leave that out. @param url of the gateway */
export function hostsOf(url: string): Set<string> {
  const { hostname, port } = new URL(url)
  const names = ['127.0.0.1', 'localhost', '[::1]', hostname]
  return new Set(names.flatMap(name => (port === '' ? [name, `${name}:80`] : [`${name}:${port}`])))
}

interface Admitted {
  readonly token: GatewayToken
  /** @throws MeshError unauthenticated once the token is revoked or has expired */
  mustHold(): void
}

/** @returns the token of the request, or why it is refused */
export function admit(init: AdmissionInit, { method, headers }: Asked): Admitted | { refusal: Refusal } {
  const known = authenticate(init, headers)
  if ('refusal' in known || method !== 'POST') return known
  const type = mediaType(headers)
  if (!contentTypes.has(type))
    return refused(415, 'invalid_argument', `its content type is '${type}'`, {
      hint: `Send one of ${[...contentTypes].join(', ')}.`,
    })
  const charset = charsetOf(headers)
  if (type !== bytesType && !charsets.has(charset))
    return refused(415, 'invalid_argument', `its charset is '${charset}'`, { hint: 'Send UTF-8.' })
  return known
}

/** All checks but that of the content type. @returns the token of the request, or why it is refused */
export function authenticate(
  { tokens, hosts }: AdmissionInit,
  headers: IncomingHttpHeaders,
): Admitted | { refusal: Refusal } {
  const foreign = foreignTo(hosts, headers)
  if (foreign !== undefined) return refused(403, 'permission_denied', foreign)
  const text = bearer(headers.authorization)
  let token: GatewayToken
  try {
    token = tokens.authenticate(text)
  } catch (thrown) {
    const error = thrown as MeshError
    return { refusal: { status: error.status, error } }
  }
  return { token, mustHold: () => void tokens.authenticate(text) }
}

/** Of the body, without parameters, in lower case. */
export const mediaType = (headers: IncomingHttpHeaders): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()

/** What bodies are read as, and what is part of that. */
const charsets = new Set(['utf-8', 'utf8', 'us-ascii'])

/** Of a body of text, in lower case. */
const charsetOf = (headers: IncomingHttpHeaders): string =>
  /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase() ?? 'utf-8'

/** What says that a page sent it, or that its name for this machine is another one's (DNS rebinding). */
function foreignTo(
  hosts: AdmissionInit['hosts'],
  { host = '', origin, ...headers }: IncomingHttpHeaders,
): string | undefined {
  if (!hosts.has(host.toLowerCase())) return `its host is '${host}'`
  if (origin !== undefined) return `it comes from a page of '${origin}'`
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'none') return `a browser sent it for a page (${String(site)})`
  return undefined
}

const bearer = (authorization: string | undefined): string | undefined =>
  /^bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1]

const refused = (
  status: number,
  code: 'permission_denied' | 'invalid_argument',
  reason: string,
  options: { hint?: string } = {},
) => ({
  refusal: { status, error: new MeshError(code, `Cannot serve the request: ${reason}`, options) },
})

/**
 * Checks of a request to the page before a byte of its body is read: host, origin, site, content type. Pages of any web site can make
 * a browser of this machine send requests here; those of this page alone pass.
 */
import type { IncomingHttpHeaders } from 'node:http'

import { MeshError } from '@agent-mesh/protocol/errors'

import { hostsOf, mediaType } from '../gateway/admission.ts'

/** @param url of the page @throws MeshError permission_denied, invalid_argument */
export function pageAdmission(url: string) {
  const hosts = hostsOf(url)
  return (method: string, headers: IncomingHttpHeaders): void => {
    const foreign = foreignTo(hosts, method, headers)
    if (foreign !== undefined)
      throw new MeshError('permission_denied', `Cannot serve the request: ${foreign}`)
    if (method === 'POST' && mediaType(headers) !== 'application/json')
      throw new MeshError(
        'invalid_argument',
        `Cannot serve the request: its content type is '${mediaType(headers)}', not application/json`,
      )
  }
}

function foreignTo(
  hosts: ReadonlySet<string>,
  method: string,
  { host = '', origin, ...headers }: IncomingHttpHeaders,
): string | undefined {
  if (method !== 'GET' && method !== 'POST') return `its method is ${method}`
  if (!hosts.has(host.toLowerCase())) return `its host is '${host}'`
  if (origin !== undefined && origin !== `http://${host.toLowerCase()}`)
    return `it comes from a page of '${origin}'`
  const site = headers['sec-fetch-site']
  // A person who types the address, or opens it from a terminal, has none.
  const own = site === undefined || site === 'same-origin' || (site === 'none' && method === 'GET')
  return own ? undefined : `a browser sent it for another page (${String(site)})`
}

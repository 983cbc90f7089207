/**
 * Checks of a request of a browser to the address of a port. All such addresses are one site: the cookie of one comes along when the page
 * of another one asks, which may be of a hostile member. So `Origin` and `Sec-Fetch-Site`, which no script can set, have to say that
 * the page is of the same origin, or that there is none.
 */
import type { IncomingMessage } from 'node:http'

import { MeshError } from '@agent-mesh/protocol/errors'

type Asked = Pick<IncomingMessage, 'method' | 'headers'>

/** Of the tab itself, not of a frame in another page. */
export const isNavigation = ({ method, headers }: Asked): boolean =>
  method === 'GET' &&
  headers['sec-fetch-mode'] === 'navigate' &&
  headers['sec-fetch-dest'] === 'document' &&
  headers.upgrade === undefined

/**
 * `own`: a page of the address itself, or a person who typed it. `visit`: a link of another page, for which a session does not count.
 * @throws MeshError permission_denied for any other request of another page, and where nothing says whose it is
 */
export function askedBy(asked: Asked, host: string): 'own' | 'visit' {
  const { method = '', headers } = asked
  const { origin } = headers
  const site = headers['sec-fetch-site']
  if (origin !== undefined && origin !== `http://${host}`)
    throw refused(`it comes from a page of '${origin.slice(0, 300)}'`)
  // Chromium opens WebSockets without it.
  if (site === undefined && origin !== undefined) return 'own'
  if (headers.upgrade !== undefined && origin === undefined) throw refused('a WebSocket has to name its page')
  if (site === 'same-origin') return 'own'
  if (site === 'none' && (method === 'GET' || method === 'HEAD')) return 'own'
  if (site === undefined)
    throw refused('it does not say which page sent it', 'Programs use SOCKS or CONNECT: docs/gateway.md.')
  if (isNavigation(asked)) return 'visit'
  throw refused(`a browser sent it for another page (${String(site).slice(0, 40)})`)
}

const refused = (reason: string, hint?: string) =>
  new MeshError('permission_denied', `Cannot serve the request: ${reason}`, {
    notStarted: true,
    ...(hint !== undefined && { hint }),
  })

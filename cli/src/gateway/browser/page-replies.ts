/** What the gateway itself says to a browser at the address of a port. */
import type { MeshError } from '@agent-mesh/protocol/errors'

import type { HandledReply } from '../../local/handler-server.ts'
import type { MemberPort } from '../../ports/local-pipe.ts'

/** No script, no frame, no other origin, nothing kept. */
const headers = {
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}

/**
 * For a tab without a session, or one that a link of another page brought here: the cookie of a session comes along from links of other
 * members, so that a person has to confirm. @param next where that leads; empty: where the tab is
 */
export function signInPage({ peer, port }: MemberPort, next: '' | '/'): HandledReply {
  const body = pageOf(
    { peer, port },
    `<p>If you opened this port in this browser before: <a href="${next}">continue</a>.</p>
<p>If not, run this on this machine, and open the address that it prints:</p>
<pre>agent-mesh open ${port}.${peer}</pre>`,
  )
  return { status: 401, type: 'text/html; charset=utf-8', headers, body }
}

/** The browser forgets the cookie, and what the program kept in it. */
export function signedOutPage({ peer, port }: MemberPort, cookie: string): HandledReply {
  const body = pageOf({ peer, port }, '<p>This browser is signed out.</p>')
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    headers: { ...headers, 'set-cookie': cookie, 'clear-site-data': '"cache", "storage"' },
    body,
  }
}

// Names have no characters that mean something in HTML.
const pageOf = ({ peer, port }: MemberPort, text: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${port} of ${peer}</title>
<h1>Port ${port} of ${peer}</h1>
${text}
</html>
`

/** To the page itself, without the key of the address. */
export const openedReply = (cookie: string | undefined): HandledReply => ({
  status: 303,
  type: 'text/plain; charset=utf-8',
  headers: { ...headers, location: '/', ...(cookie !== undefined && { 'set-cookie': cookie }) },
  body: '',
})

/** Its connection ends, so that others have it. */
export function refusalReply({ message, hint, status, retriable }: MeshError): HandledReply {
  return {
    status,
    type: 'text/plain; charset=utf-8',
    headers: { ...headers, connection: 'close', ...(retriable && { 'retry-after': '1' }) },
    body: [message, ...(hint === undefined ? [] : [hint]), ''].join('\n'),
  }
}

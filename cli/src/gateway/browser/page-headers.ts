/** Headers between a browser and the program behind a port of a member. */
import { passedOn, type RawHeaders } from '../../ports/forwarded-headers.ts'

/** Of any gateway of this machine: cookies are not separated by port. */
const ofGateway = /^agent-mesh-\d+$/

/** @param gatewayPort empty for 80 */
export const cookieName = (gatewayPort: string): string =>
  `agent-mesh-${gatewayPort === '' ? '80' : gatewayPort}`

const nameOf = (pair: string): string => pair.split('=', 1)[0]!.trim()

const pairsOf = (header: string): string[] =>
  header
    .split(';')
    .map(pair => pair.trim())
    .filter(pair => pair !== '')

/** All values of a cookie. */
export const cookiesNamed = (header: string | undefined, name: string): string[] =>
  pairsOf(header ?? '')
    .filter(pair => nameOf(pair) === name)
    .map(pair => pair.slice(pair.indexOf('=') + 1))

/** Headers for the program: it never sees the cookie of a gateway. */
export const headersForProgram = (raw: RawHeaders): string[] =>
  passedOn(raw).flatMap(([header, value]) => {
    if (header.toLowerCase() !== 'cookie') return [header, value]
    const left = pairsOf(value).filter(pair => !ofGateway.test(nameOf(pair)))
    return left.length === 0 ? [] : [header, left.join('; ')]
  })

/** What would let other origins read a reply from the cache of the browser, or would end the sessions of all members. */
const dropped = /^(?:access-control-.*|cross-origin-resource-policy|clear-site-data)$/i

/** Headers for the browser: no other origin reads or frames the reply, and no cookie of it goes to another member. */
export function headersForBrowser(raw: RawHeaders): string[] {
  const kept = passedOn(raw).flatMap(([header, value]) => {
    if (dropped.test(header)) return []
    if (header.toLowerCase() !== 'set-cookie') return [header, value]
    return ofGateway.test(nameOf(value.split(';', 1)[0]!)) ? [] : [header, hostOnly(value)]
  })
  return [
    ...kept,
    ...['Cross-Origin-Resource-Policy', 'same-origin'],
    // Beside one of the program, both hold.
    ...['Content-Security-Policy', "frame-ancestors 'self'"],
  ]
}

/** A cookie with `Domain` would go to every member. */
const hostOnly = (cookie: string): string =>
  cookie
    .split(';')
    .filter((part, at) => at === 0 || !/^\s*domain\s*(?:=|$)/i.test(part))
    .join(';')

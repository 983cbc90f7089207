/** Headers of HTTP requests and replies that pass through a port of a member. */
import type { Subject } from '@agent-mesh/protocol/policy'

/** Raw headers: name, value, name, value. */
export type RawHeaders = readonly string[]

/** Of one connection, not of the message (RFC 9110, 7.6.1), or about what is not passed on. Node sets its own. */
const ofConnection = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'expect',
])

/** `Connection` cannot name them: without its length, a body would be read as the next request. */
const ofMessage = new Set(['content-length', 'transfer-encoding', 'host'])

/** What tells a program who asks: a server may read `_` as `-`. */
const aboutCaller = /^(?:mesh[-_]|x[-_]forwarded[-_]|forwarded$)/i

/** Headers for the program behind a port: those of the request, and who sent it. Forged ones are left out. */
export function requestHeaders(raw: RawHeaders, { sub, name, roles }: Subject): string[] {
  return [
    ...passedOn(raw).filter(([header]) => !aboutCaller.test(header)),
    ['Mesh-Peer', sub],
    ['Mesh-Name', name],
    ['Mesh-Roles', roles.join(',')],
  ].flat()
}

/** Headers of its reply. */
export const replyHeaders = (raw: RawHeaders): string[] => passedOn(raw).flat()

/** Headers of a message, without those of its connection. */
export function passedOn(raw: RawHeaders): [string, string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at]!, raw[at + 1]!])
  const named = pairs
    .filter(([header]) => header.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(',').map(token => token.trim().toLowerCase()))
    .filter(token => !ofMessage.has(token))
  const left = new Set([...ofConnection, ...named])
  return lengthLast(pairs.filter(([header]) => !left.has(header.toLowerCase())))
}

/** `node:http` takes Content-Disposition behind it for UTF-8, and throws where it has names beyond Latin-1. */
function lengthLast(pairs: [string, string][]): [string, string][] {
  const isLength = ([header]: [string, string]) => header.toLowerCase() === 'content-length'
  return [...pairs.filter(pair => !isLength(pair)), ...pairs.filter(isLength)]
}

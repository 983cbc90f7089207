/** `CONNECT ssh.web-1.mesh:22`: an HTTP proxy for what ports of members carry; the token is the password, or a bearer token. */
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import { endWith } from './last-words.ts'
import type { Tunnels } from './tunnels.ts'

/** Takes the connection of a request, with the bytes behind it. Never throws. */
export async function serveConnect(
  tunnels: Pick<Tunnels, 'open'>,
  { url = '', headers }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy())
  try {
    // A browser sends it for no page: its proxies have tokens of their own.
    const token = proxyToken(headers['proxy-authorization'])
    const carry = await tunnels.open(socket, { token, ...authorityOf(url) })
    if (head.length > 0) socket.unshift(head)
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    carry()
  } catch (thrown) {
    refuseHttp(socket, toMeshError(thrown, 'internal', `connect to ${url}`))
  }
}

/** @throws MeshError invalid_argument */
function authorityOf(url: string): { host: string; port: number } {
  const [, host, port] = /^([^:@/[\]\s]{1,255}):(\d{1,5})$/.exec(url) ?? []
  if (host !== undefined && Number(port) > 0 && Number(port) < 65_536) return { host, port: Number(port) }
  throw new MeshError('invalid_argument', `Cannot connect to '${url.slice(0, 255)}': it is not HOST:PORT`)
}

/** The password of Basic, or the bearer token. */
function proxyToken(authorization: string | undefined): string | undefined {
  const [, scheme = '', text = ''] = /^(basic|bearer) +([^ ]+) *$/i.exec(authorization ?? '') ?? []
  if (scheme.toLowerCase() !== 'basic') return text === '' ? undefined : text
  const pair = Buffer.from(text, 'base64').toString()
  return pair.slice(pair.indexOf(':') + 1)
}

/** Answers the head of a request with problem details, and ends its connection. */
export function refuseHttp(socket: Duplex, error: MeshError): void {
  // A proxy asks for proof of identity with a status of its own.
  const status = error.status === 401 ? 407 : error.status
  const text = JSON.stringify({ ...problemOf(error), status, retryable: error.retriable })
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...(status === 407 ? ['Proxy-Authenticate: Basic realm="agent-mesh"'] : []),
    'Connection: close',
  ]
  endWith(socket, `${lines.join('\r\n')}\r\n\r\n${text}`)
}

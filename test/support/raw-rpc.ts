/** Requests of HTTP/2 to a gateway, as no client of gRPC would send them. */
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type SessionOptions,
} from 'node:http2'

/** A connection whose errors are those of its requests. */
export const connectRaw = (url: string, options: SessionOptions = {}): ClientHttp2Session =>
  connect(url, options).on('error', () => {})

interface RawRpc {
  readonly path?: string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An RPC of gRPC whose body is open. */
export function openRpc(
  session: ClientHttp2Session,
  { path = '/agentmesh.v1.Mesh/Call', token, headers }: RawRpc = {},
): ClientHttp2Stream {
  const sent = session.request(
    {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    { endStream: false },
  )
  return sent.on('error', () => {}).resume()
}

function saidIn(event: 'response' | 'trailers', sent: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingHttpHeaders>()
  sent.once(event, resolve)
  sent.once('close', () => reject(new Error(`the request was reset with code ${sent.rstCode}`)))
  return promise
}

/** The head of its reply. Rejects when it is reset before. */
export const headOf = (sent: ClientHttp2Stream) => saidIn('response', sent)

/** How it ends: `grpc-status` and what else the server says. Rejects when it is reset before. */
export const trailersOf = (sent: ClientHttp2Stream) => saidIn('trailers', sent)

/** Resolves when the connection has ended, with an error or without. */
export const ended = (session: ClientHttp2Session): Promise<void> =>
  new Promise(resolve => void session.once('close', resolve))

/** The bytes of a message, with flags (1: compressed) and length before it. @param length that it states @default its own */
export function framed(message: Uint8Array, flags = 0, length = message.length): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = flags
  prefix.writeUInt32BE(length, 1)
  return Buffer.concat([prefix, message])
}

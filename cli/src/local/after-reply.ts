/** What clients do once they are answered: each may go on sending, or never read its reply. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'

/** For the rest of a body after its reply, and for a refused client to read that, ms: on one machine the largest comes in less. */
const dropMs = 2_000

/** Reset codes of streams (RFC 9113, 7). `node:http2` is not loaded for them. */
const noError = 0
const cancel = 8

/**
 * A connection that is closed while its client sends is reset, and the client loses the reply: what it sends is read for a while, and
 * dropped.
 */
export async function dropRest(message: IncomingMessage): Promise<void> {
  message.resume()
  await once(message, 'end', { signal: AbortSignal.timeout(dropMs) }).catch(() => {})
}

/** An HTTP/2 request ends soon after its reply is written, whether its client has ended it or not. */
export function endOnceAnswered(stream: ServerHttp2Stream): void {
  stream.once('finish', () => closeSoon(stream, noError))
}

/** The connection of a refused HTTP/2 request takes no further ones. The others on it go on; this one ends soon, its reply read or not. */
export function endRefused(stream: ServerHttp2Stream): void {
  stream.session?.close()
  closeSoon(stream, cancel)
}

function closeSoon(stream: ServerHttp2Stream, code: number): void {
  if (stream.destroyed) return
  const late = setTimeout(() => stream.close(code), dropMs)
  stream.once('close', () => clearTimeout(late))
}

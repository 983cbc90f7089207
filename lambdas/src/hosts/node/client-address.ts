import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/**
 * Who sent a request; nobody for one of this machine: whoever is here has other means, and a proxy that nobody declared would
 * make all members one source. Behind a trusted proxy it is the last address of `X-Forwarded-For`, the one that the proxy itself saw:
 * those before it are whatever the sender wrote.
 */
export function clientAddress(
  { socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>,
  trustProxy: boolean,
): string | undefined {
  const forwarded = [headers['x-forwarded-for'] ?? []].flat().join().split(',').at(-1)?.trim() ?? ''
  if (trustProxy && isIP(forwarded) !== 0) return forwarded
  const { remoteAddress = '' } = socket
  return /^(::ffff:)?127\.|^::1$/.test(remoteAddress) ? undefined : remoteAddress
}

/** The sender of a request, through trusted proxies. */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { forwardedFor } from './forwarded-for.ts'
import { isWithin, type TrustedProxies } from './trusted-proxies.ts'

type Asked = Pick<IncomingMessage, 'socket' | 'headers'>

/**
 * The address of the sender; undefined for one of this machine: it has other means, and an undeclared proxy would make all
 * members one source. The proxies' list is read from the right, as each proxy appends the address it saw: entries before that
 * of the last trusted proxy are under the sender's control. For an invalid list the proxy's address is used.
 */
export function clientAddress(
  { socket, headers }: Asked,
  proxies: TrustedProxies | undefined,
): string | undefined {
  const peer = plain(socket.remoteAddress ?? '')
  const lists = [forwardedFor(headers['x-forwarded-for']), forwardedFor(headers.forwarded, 'forwarded')]
  const told = lists.filter(list => list.length > 0)
  const direct = proxies === undefined || told.length === 0 || !isTrusted(proxies, peer, 0)
  if (direct) return isOwn(peer) ? undefined : peer
  const [first = peer, second = first] = told.map(list => walk(peer, list, proxies))
  // A proxy that writes one of the two headers forwards the other as the sender wrote it.
  return first === second ? first : peer
}

/** Whether a connection comes from this machine or from a trusted proxy: then it carries requests of many senders. */
export function carriesMany(address: string, proxies: TrustedProxies | undefined): boolean {
  const peer = plain(address)
  if (isOwn(peer)) return true
  if (proxies === undefined || isIP(peer) === 0) return false
  // With a number of hops, the last of them is the peer of the connection.
  return 'hops' in proxies || isWithin(proxies.networks, peer)
}

/** From the proxy that connects towards the sender, as far as proxies are trusted and their entries are addresses. */
function walk(peer: string, list: readonly (string | undefined)[], proxies: TrustedProxies): string {
  let seen = peer
  for (let passed = 0; passed < list.length && isTrusted(proxies, seen, passed); passed++) {
    const next = list[list.length - 1 - passed]
    if (next === undefined) break
    seen = next
  }
  return seen
}

/** @param passed how many proxies stand behind it, towards this machine */
const isTrusted = (proxies: TrustedProxies, address: string, passed: number): boolean =>
  'hops' in proxies ? passed < proxies.hops : isIP(address) !== 0 && isWithin(proxies.networks, address)

/** IPv4 in IPv6 as IPv4. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')

const isOwn = (address: string): boolean => /^127\.|^::1$/.test(address)

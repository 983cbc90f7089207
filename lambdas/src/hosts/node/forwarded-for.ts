/** Addresses in `X-Forwarded-For` and in `Forwarded` (RFC 7239), in the order of the header: the last was added last. */
import { isIP } from 'node:net'

/** So many proxies are trusted at most, and some: what stands before them is not read. */
const mostRead = 32

/**
 * @param value of the header; several lines are one list
 * @returns an address for each element, undefined for one that tells none (`unknown`, `_hidden`, nonsense)
 */
export function forwardedFor(
  value: string | string[] | undefined,
  header: 'x-forwarded-for' | 'forwarded' = 'x-forwarded-for',
): (string | undefined)[] {
  if (value === undefined) return []
  const elements = [value].flat().join(',').split(',').slice(-mostRead)
  return elements.map(element => addressOf(header === 'forwarded' ? forPart(element) : element))
}

/** `for=192.0.2.60;proto=http`, `For="[2001:db8::17]:4711"`. */
const forPart = (element: string): string => {
  const pair = element.split(';').find(part => /^\s*for\s*=/i.test(part)) ?? ''
  return pair
    .replace(/^[^=]*=/, '')
    .trim()
    .replace(/^"(.*)"$/, '$1')
}

/** `192.0.2.7`, `192.0.2.7:5678`, `2001:db8::1`, `[2001:db8::1]:5678`; IPv4 in IPv6 as IPv4. */
function addressOf(text: string): string | undefined {
  const trimmed = text.trim()
  const [, bracketed, withPort] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(trimmed) ?? []
  const address = bracketed ?? withPort ?? trimmed
  return isIP(address) === 0 ? undefined : address.replace(/^::ffff:(?=\d+\.)/i, '')
}

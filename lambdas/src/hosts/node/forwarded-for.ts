/** Addresses in `X-Forwarded-For` and in `Forwarded` (RFC 7239), in the order of the header: the last was added last. */
import { addressIn } from '../address-in.ts'

/** The most entries that are read, more than the most trusted proxies: earlier entries are ignored. */
const mostRead = 32

/**
 * @param value of the header; several lines are one list
 * @returns an address for each element, undefined for one without an address (`unknown`, `_hidden`, nonsense)
 */
export function forwardedFor(
  value: string | string[] | undefined,
  header: 'x-forwarded-for' | 'forwarded' = 'x-forwarded-for',
): (string | undefined)[] {
  if (value === undefined) return []
  const elements = [value].flat().join(',').split(',').slice(-mostRead)
  return elements.map(element => addressIn(header === 'forwarded' ? forPart(element) : element))
}

/** `for=192.0.2.60;proto=http`, `For="[2001:db8::17]:4711"`. */
const forPart = (element: string): string => {
  const pair = element.split(';').find(part => /^\s*for\s*=/i.test(part)) ?? ''
  return pair
    .replace(/^[^=]*=/, '')
    .trim()
    .replace(/^"(.*)"$/, '$1')
}

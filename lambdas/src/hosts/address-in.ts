import { isIP } from 'node:net'

/**
 * The address in the forms that proxies write for a client: `192.0.2.7`, `192.0.2.7:5678`, `2001:db8::1`, `[2001:db8::1]:5678`,
 * `2001:db8:0:1:1:1:1:1:5678`. A port is left out, IPv4 in IPv6 becomes IPv4.
 * @returns undefined when it names none (`unknown`, `_hidden`, nonsense)
 */
export function addressIn(text: string): string | undefined {
  const trimmed = text.trim()
  const [, bracketed, withPort] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(trimmed) ?? []
  const address = bracketed ?? withPort ?? trimmed
  const read = isIP(address) === 0 ? address.replace(/:\d+$/, '') : address
  return isIP(read) === 0 ? undefined : read.replace(/^::ffff:(?=\d+\.)/i, '')
}

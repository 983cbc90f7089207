/** IP addresses as bytes and as text. */

/** The 4 or 16 bytes of an address as the system writes it, zone and all. */
export const ipBytes = (address: string): Uint8Array =>
  Uint8Array.from(address.includes(':') ? ip6Bytes(address) : ip4Bytes(address))

const ip4Bytes = (address: string): number[] => address.split('.').map(Number)

function ip6Bytes(address: string): number[] {
  const [text = ''] = address.split('%')
  const [head = '', tail] = text.split('::')
  const front = groups(head)
  const back = groups(tail ?? '')
  const zeros = tail === undefined ? 0 : 16 - front.length - back.length
  return [...front, ...Array.from({ length: zeros }, () => 0), ...back]
}

const groups = (text: string): number[] =>
  text.split(':').flatMap(group => {
    if (group === '') return []
    if (group.includes('.')) return ip4Bytes(group)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })

/** Of 4 or 16 bytes; IPv6 in the canonical text of RFC 5952, by way of the URL parser. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const pairs = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  const text = pairs.map(pair => pair.toString(16)).join(':')
  return new URL(`http://[${text}]`).hostname.slice(1, -1)
}

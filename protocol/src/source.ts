import { ipBytes, ipText } from './stun/ip-bytes.ts'

/** The IPv4 addresses in IPv6, `::ffff:0:0/96`. */
const isMapped = (bytes: Uint8Array): boolean =>
  bytes.subarray(0, 10).every(byte => byte === 0) && bytes[10] === 255 && bytes[11] === 255

/**
 * The source that an IP address counts for in limits of strangers. IPv6 by its /64: a host with one address has all of them.
 */
export const sourceOf = (address: string): string => {
  if (!address.includes(':')) return address
  const bytes = ipBytes(address)
  if (isMapped(bytes)) return ipText(bytes.subarray(12))
  return `${ipText(Uint8Array.from({ length: 16 }, (_, i) => (i < 8 ? (bytes[i] ?? 0) : 0)))}/64`
}

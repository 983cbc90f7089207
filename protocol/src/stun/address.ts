/** MAPPED-ADDRESS and XOR-MAPPED-ADDRESS (RFC 8489, 14.1 and 14.2): zero | family | port (2 bytes) | address. */
import { getU16, putU16 } from '../wire/integers.ts'
import { ipBytes, ipText } from './ip-bytes.ts'

/** Where a server saw a packet come from. */
export interface StunAddress {
  /** IPv4 or IPv6. */
  readonly host: string
  readonly port: number
}

const addressAt = 4
const familyOf = (ip: Uint8Array) => (ip.length === 4 ? 1 : ip.length === 16 ? 2 : undefined)

const masked = (bytes: Uint8Array, mask: Uint8Array): Uint8Array =>
  bytes.map((byte, at) => byte ^ (mask[at] ?? 0))

/** The mask of MAPPED-ADDRESS, which hides nothing. */
export const noMask: Uint8Array = new Uint8Array(16)

/** @param mask cookie and transaction id, which hide the address from NATs that would rewrite it */
export function encodeAddress({ host, port }: StunAddress, mask: Uint8Array): Uint8Array {
  const ip = ipBytes(host)
  const value = new Uint8Array(addressAt + ip.length)
  value[1] = familyOf(ip) ?? 0
  putU16(value, 2, port ^ getU16(mask, 0))
  value.set(masked(ip, mask), addressAt)
  return value
}

/** @returns undefined for another family or length, and for port 0, from which nothing comes */
export function decodeAddress(value: Uint8Array, mask: Uint8Array): StunAddress | undefined {
  const ip = value.subarray(addressAt)
  if (value[1] === undefined || value[1] !== familyOf(ip)) return undefined
  const port = getU16(value, 2) ^ getU16(mask, 0)
  return port === 0 ? undefined : { host: ipText(masked(ip, mask)), port }
}

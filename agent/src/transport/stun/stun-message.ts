/**
 * STUN binding (RFC 8489) as a client needs it: a request without attributes, and the address that a response tells.
 *
 *   client -> server   binding request    0001, length 0, magic cookie, transaction id
 *   server -> client   success response   0101, the same id, XOR-MAPPED-ADDRESS (or MAPPED-ADDRESS of older servers)
 */

const requestType = 0x0001
const responseType = 0x0101
const cookie = 0x2112a442
const headerBytes = 20
const mappedAddress = 0x0001
const xorMappedAddress = 0x0020

export const transactionBytes = 12

/** Where a server saw a packet come from. */
export interface StunAddress {
  /** IPv4 or IPv6. */
  host: string
  port: number
}

/** @param transaction 12 random bytes */
export function bindingRequest(transaction: Uint8Array): Buffer {
  const message = Buffer.alloc(headerBytes)
  message.writeUInt16BE(requestType, 0)
  message.writeUInt32BE(cookie, 4)
  message.set(transaction, 8)
  return message
}

/** Address that the response to a request tells; undefined for anything else, however malformed. Never throws. */
export function mappedAddressIn(message: Uint8Array, transaction: Uint8Array): StunAddress | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== responseType) return undefined
  const end = headerBytes + bytes.readUInt16BE(2)
  if (bytes.readUInt32BE(4) !== cookie || !bytes.subarray(8, headerBytes).equals(transaction))
    return undefined
  if (end !== bytes.length) return undefined
  let plain: StunAddress | undefined
  for (let at = headerBytes; at + 4 <= end;) {
    const type = bytes.readUInt16BE(at)
    const length = bytes.readUInt16BE(at + 2)
    const value = bytes.subarray(at + 4, at + 4 + length)
    if (value.length < length) return undefined
    if (type === xorMappedAddress) return addressIn(value, bytes.subarray(4, headerBytes))
    if (type === mappedAddress) plain ??= addressIn(value, Buffer.alloc(16))
    at += 4 + length + ((4 - (length % 4)) % 4)
  }
  return plain
}

/** @param mask cookie and transaction id for an address that is hidden from NATs by XOR, else zeros */
function addressIn(value: Buffer, mask: Buffer): StunAddress | undefined {
  const bytes = value[1] === 1 ? 4 : value[1] === 2 ? 16 : 0
  if (bytes === 0 || value.length !== 4 + bytes) return undefined
  const port = value.readUInt16BE(2) ^ mask.readUInt16BE(0)
  const address = Buffer.from(value.subarray(4).map((byte, i) => byte ^ (mask[i] ?? 0)))
  if (port === 0) return undefined
  return { host: bytes === 4 ? [...address].join('.') : textOf6(address), port }
}

/** The canonical text of RFC 5952, by way of the URL parser. */
function textOf6(address: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => address.readUInt16BE(2 * i).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

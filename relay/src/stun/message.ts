/**
 * STUN binding (RFC 8489): a client asks from which address its request came, as seen beyond its NAT.
 *
 *   client -> relay   type 0x0001, length, magic cookie, transaction id (12 bytes), attributes
 *   relay -> client   type 0x0101, …, the same transaction id, XOR-MAPPED-ADDRESS; FINGERPRINT if the request had one
 *
 * An answer is at most 24 bytes longer than its request, so the relay is no use to those who would flood others.
 */
import { crc32 } from 'node:zlib'

const headerBytes = 20
const bindingRequest = 0x0001
const bindingSuccess = 0x0101
const magicCookie = 0x2112a442
const xorMappedAddress = 0x0020
const fingerprint = 0x8028
const fingerprintXor = 0x5354554e
/** Attributes below this must be understood by who answers. */
const optionalFrom = 0x8000
/** Larger requests than fit the smallest path (576 bytes with IP and UDP) are none of ours. */
const requestBytes = 548

export interface BindingRequest {
  /** Magic cookie and transaction id: bytes 4 to 20 of the request. */
  readonly id: Uint8Array
  readonly fingerprint: boolean
}

/** Where a request came from. */
export interface Source {
  readonly family: 4 | 6
  readonly address: string
  readonly port: number
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Reads a datagram. @returns undefined when it is no binding request, or asks for what is not understood */
export function parseBindingRequest(bytes: Uint8Array): BindingRequest | undefined {
  if (bytes.length < headerBytes || bytes.length > requestBytes) return undefined
  const view = viewOf(bytes)
  if (view.getUint16(0) !== bindingRequest || view.getUint32(4) !== magicCookie) return undefined
  if (view.getUint16(2) !== bytes.length - headerBytes) return undefined
  let found = false
  for (let at = headerBytes; at < bytes.length;) {
    if (found || at + 4 > bytes.length) return undefined
    const type = view.getUint16(at)
    const end = at + 4 + view.getUint16(at + 2)
    if (type < optionalFrom || end > bytes.length) return undefined
    if (type === fingerprint) {
      if (end !== at + 8 || view.getUint32(at + 4) !== fingerprintOf(bytes.subarray(0, at))) return undefined
      found = true
    }
    at = end + ((4 - (end % 4)) % 4)
  }
  return { id: bytes.slice(4, headerBytes), fingerprint: found }
}

/** CRC-32 of all before it; the header's length already counts it. */
const fingerprintOf = (before: Uint8Array): number => (crc32(before) ^ fingerprintXor) >>> 0

/** The answer to a request: the address it came from. */
export function bindingResponse(request: BindingRequest, { family, address, port }: Source): Uint8Array {
  const ip = family === 4 ? ip4Bytes(address) : ip6Bytes(address)
  const mappedBytes = 8 + ip.length
  const length = mappedBytes + (request.fingerprint ? 8 : 0)
  const bytes = new Uint8Array(headerBytes + length)
  const view = viewOf(bytes)
  view.setUint16(0, bindingSuccess)
  view.setUint16(2, length)
  bytes.set(request.id, 4)
  view.setUint16(headerBytes, xorMappedAddress)
  view.setUint16(headerBytes + 2, 4 + ip.length)
  view.setUint8(headerBytes + 5, family === 4 ? 1 : 2)
  view.setUint16(headerBytes + 6, port ^ (magicCookie >>> 16))
  ip.forEach((byte, at) => view.setUint8(headerBytes + 8 + at, byte ^ (request.id[at] ?? 0)))
  if (!request.fingerprint) return bytes
  const at = headerBytes + mappedBytes
  view.setUint16(at, fingerprint)
  view.setUint16(at + 2, 4)
  view.setUint32(at + 4, fingerprintOf(bytes.subarray(0, at)))
  return bytes
}

const ip4Bytes = (address: string): number[] => address.split('.').map(Number)

/** The 16 bytes of an address as the system writes it, zone and all. */
export function ip6Bytes(address: string): number[] {
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

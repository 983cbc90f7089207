/**
 * STUN binding (RFC 8489, 2): a client asks from which address its request came, as seen beyond its NATs.
 *
 *   client -> server   binding request    0x0001, transaction id; attributes that need not be understood
 *   server -> client   success response   0x0101, the same id, XOR-MAPPED-ADDRESS (MAPPED-ADDRESS of older servers);
 *                                         FINGERPRINT if the request had one
 *
 * An answer is at most 24 bytes longer than its request, so a server is no use to those who would flood others.
 */
import { crc32 } from 'node:zlib'
import { getU32, putU32 } from '../wire/integers.ts'
import { decodeAddress, encodeAddress, noMask, type StunAddress } from './address.ts'
import {
  attributeBytes,
  headerBytes,
  messageTypes,
  newMessage,
  putAttribute,
  readMessage,
  stunTransactionBytes,
} from './message.ts'

const attributes = { mappedAddress: 0x0001, xorMappedAddress: 0x0020, fingerprint: 0x8028 } as const
/** Attributes below this must be understood by the server. */
const optionalFrom = 0x8000
const fingerprintXor = 0x5354554e
const fingerprintBytes = 4
/** Larger requests than fit the smallest path (576 bytes with IP and UDP) are none of ours. */
const requestBytes = 548

export interface BindingRequest {
  /** Magic cookie and transaction id: bytes 4 to 20 of the request. */
  readonly id: Uint8Array
  readonly fingerprint: boolean
}

/** A request without attributes. @param transaction 12 random bytes */
export const bindingRequest = (transaction: Uint8Array): Uint8Array =>
  newMessage(messageTypes.bindingRequest, transaction, 0)

/** Reads a datagram. @returns undefined when it is no binding request, or asks for what is not understood */
export function parseBindingRequest(bytes: Uint8Array): BindingRequest | undefined {
  if (bytes.length > requestBytes) return undefined
  const message = readMessage(bytes, messageTypes.bindingRequest)
  if (message === undefined || message.attributes.some(({ type }) => type < optionalFrom)) return undefined
  const found = message.attributes.findIndex(({ type }) => type === attributes.fingerprint)
  const mark = message.attributes[found]
  if (mark === undefined) return { id: message.id, fingerprint: false }
  const isLast = found === message.attributes.length - 1
  if (!isLast || mark.value.length !== fingerprintBytes) return undefined
  if (getU32(mark.value, 0) !== fingerprintOf(bytes.subarray(0, mark.at))) return undefined
  return { id: message.id, fingerprint: true }
}

/** CRC-32 of all before it; the header's length already counts it. */
const fingerprintOf = (before: Uint8Array): number => (crc32(before) ^ fingerprintXor) >>> 0

/** The answer to a request: the address it came from. */
export function bindingResponse({ id, fingerprint }: BindingRequest, source: StunAddress): Uint8Array {
  const address = encodeAddress(source, id)
  const mark = new Uint8Array(fingerprint ? fingerprintBytes : 0)
  const length = attributeBytes(address) + (fingerprint ? attributeBytes(mark) : 0)
  const bytes = newMessage(messageTypes.bindingSuccess, id.subarray(-stunTransactionBytes), length)
  const at = putAttribute(bytes, headerBytes, attributes.xorMappedAddress, address)
  if (!fingerprint) return bytes
  putU32(mark, 0, fingerprintOf(bytes.subarray(0, at)))
  putAttribute(bytes, at, attributes.fingerprint, mark)
  return bytes
}

/** Address in the response to a request; undefined for anything else, however malformed. Never throws. */
export function mappedAddressIn(bytes: Uint8Array, transaction: Uint8Array): StunAddress | undefined {
  const message = readMessage(bytes, messageTypes.bindingSuccess)
  if (message === undefined || Buffer.compare(message.id.subarray(-stunTransactionBytes), transaction) !== 0)
    return undefined
  const valueOf = (wanted: number) => message.attributes.find(({ type }) => type === wanted)?.value
  const hidden = valueOf(attributes.xorMappedAddress)
  if (hidden !== undefined) return decodeAddress(hidden, message.id)
  const plain = valueOf(attributes.mappedAddress)
  return plain === undefined ? undefined : decodeAddress(plain, noMask)
}

/**
 * The frame of a STUN message (RFC 8489, 5 and 14), big-endian:
 *
 *   type (2 bytes) | length of what follows the header (2) | magic cookie (4) | transaction id (12) | attributes
 *   attribute: type (2) | length of the value (2) | value | padding to the next multiple of four
 */
import { getU16, getU32, putU16, putU32 } from '../wire/integers.ts'

export const stunTransactionBytes = 12
export const messageTypes = { bindingRequest: 0x0001, bindingSuccess: 0x0101 } as const
export type MessageType = (typeof messageTypes)[keyof typeof messageTypes]

const cookie = 0x2112a442
/** Where cookie and transaction id begin; they end with the header. */
const idAt = 4
export const headerBytes = 20
const attributeHeaderBytes = 4

const paddedTo4 = (bytes: number): number => Math.ceil(bytes / 4) * 4

export interface StunAttribute {
  readonly type: number
  /** Where it begins in its message. */
  readonly at: number
  readonly value: Uint8Array
}

export interface StunMessage {
  /** Magic cookie and transaction id, which a response repeats: the mask of XOR-MAPPED-ADDRESS, too. */
  readonly id: Uint8Array
  readonly attributes: readonly StunAttribute[]
}

/** Reads a message of one type. @returns undefined for anything else, however malformed; never throws */
export function readMessage(bytes: Uint8Array, type: MessageType): StunMessage | undefined {
  if (bytes.length < headerBytes || getU16(bytes, 0) !== type || getU32(bytes, idAt) !== cookie)
    return undefined
  if (getU16(bytes, 2) !== bytes.length - headerBytes) return undefined
  const attributes: StunAttribute[] = []
  for (let at = headerBytes; at < bytes.length;) {
    const from = at + attributeHeaderBytes
    if (from > bytes.length) return undefined
    const end = from + getU16(bytes, at + 2)
    if (end > bytes.length) return undefined
    attributes.push({ type: getU16(bytes, at), at, value: bytes.subarray(from, end) })
    at = paddedTo4(end)
  }
  return { id: bytes.subarray(idAt, headerBytes), attributes }
}

/** A message with zeros for its attributes, whose length its header counts already. @param transaction 12 bytes */
export function newMessage(type: MessageType, transaction: Uint8Array, attributesBytes: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes + attributesBytes)
  putU16(bytes, 0, type)
  putU16(bytes, 2, attributesBytes)
  putU32(bytes, idAt, cookie)
  bytes.set(transaction, headerBytes - stunTransactionBytes)
  return bytes
}

/** Bytes of an attribute with its header, for a value of whole multiples of four. */
export const attributeBytes = (value: Uint8Array): number => attributeHeaderBytes + value.length

/** @returns where the next attribute begins */
export function putAttribute(bytes: Uint8Array, at: number, type: number, value: Uint8Array): number {
  putU16(bytes, at, type)
  putU16(bytes, at + 2, value.length)
  bytes.set(value, at + attributeHeaderBytes)
  return at + attributeBytes(value)
}

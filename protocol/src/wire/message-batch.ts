/**
 * Small messages of a stream that share a frame, so that each costs two bytes and not a frame of its own. An entry: u16 whose highest bit
 * says whether raw bytes follow or the UTF-8 text of a JSON value, none for no value, and whose other bits say how many; then those.
 */
import { FrameBody, type EncodedBody } from './body.ts'
import { getU16 } from './integers.ts'

/** Bytes of an entry before its message. */
export const entryBytes = 2

/** The message is raw bytes. */
export const rawEntry = 0x8000

/** Most bytes of a message that travels with others: of larger ones the frame costs little. */
export const batchedBytes = 1_024

/**
 * A batch takes no more messages when it has so many bytes. What a chunk of the path cuts is copied, so larger ones cost more than they
 * save: with this the preamble is a third of a byte for each message of 100.
 */
export const fullBatchBytes = 4 * 1_024

/** Whether a message may travel with others, for its size at most. JSON with a tail may not. */
export const isBatched = ({ json, tail }: EncodedBody, most: number): boolean =>
  most <= batchedBytes && (json === undefined || tail === undefined)

/** Bytes of the entry at `at`. */
export const entrySize = (bytes: Uint8Array, at: number): number =>
  entryBytes + (getU16(bytes, at) & ~rawEntry)

/** Its value; raw bytes are a view on the received chunk. @throws MeshError `protocol_error` when it is not JSON */
export function entryValue(bytes: Buffer, at: number, end: number): unknown {
  if ((bytes[at]! & 0x80) !== 0) return bytes.subarray(at + entryBytes, end)
  return new FrameBody(bytes, at + entryBytes, end, end, false).value()
}

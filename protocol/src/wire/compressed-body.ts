/**
 * JSON text as raw deflate (RFC 1951), level 1. Bodies with raw bytes are never compressed: programs send as bytes what they have
 * compressed or sealed themselves.
 */
import { deflateRawSync } from 'node:zlib'
import { Encoded, type EncodedBody } from './body.ts'
import { wireLimits } from './limits.ts'

/** Below this (bytes) the time for a compressor costs more than the bytes that it saves. */
export const leastCompressedBytes = 1024

/** A body ready to be framed whose text is compressed: {@link Encoded.tail} is the deflated text. */
export class CompressedBody extends Encoded {
  /** Of the JSON text. */
  readonly textBytes: number

  constructor(textBytes: number, deflated: Uint8Array) {
    super(undefined, deflated)
    this.textBytes = textBytes
  }
}

/** @returns undefined for a body with raw bytes, a short one, one over the limit, and one that would not become smaller */
export function compressBody({ json, tail }: EncodedBody): CompressedBody | undefined {
  if (tail !== undefined || json === undefined || json.length < leastCompressedBytes) return undefined
  const text = Buffer.from(json, 'utf8')
  if (text.byteLength > wireLimits.bodyBytes) return undefined
  const deflated = deflateRawSync(text, { level: 1 })
  return deflated.byteLength < text.byteLength ? new CompressedBody(text.byteLength, deflated) : undefined
}

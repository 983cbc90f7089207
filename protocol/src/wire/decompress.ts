import { inflateRawSync } from 'node:zlib'
import { MeshError } from '../errors.ts'

/**
 * The text that was compressed. What it takes is bounded by `textBytes`, whatever the bytes would become.
 * @throws MeshError `protocol_error` when they are no raw deflate, or of a text of another length
 */
export function decompress(deflated: Uint8Array, textBytes: number): string {
  let text: Buffer
  try {
    text = inflateRawSync(deflated, { maxOutputLength: textBytes })
  } catch (cause) {
    throw spoilt(deflated, `they are no raw deflate of ${textBytes} bytes`, cause)
  }
  if (text.byteLength !== textBytes)
    throw spoilt(deflated, `they are ${text.byteLength} of ${textBytes} bytes`)
  return text.toString('utf8')
}

const spoilt = ({ byteLength }: Uint8Array, reason: string, cause?: unknown): MeshError =>
  new MeshError('protocol_error', `Cannot decompress ${byteLength} bytes of a frame body: ${reason}`, {
    cause,
  })

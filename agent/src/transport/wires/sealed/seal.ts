/** Sealed records: AES-256-GCM of up to 64 KiB, the header authenticated with it. */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { RecordKeys } from './record-keys.ts'
import { recordBytes, sealedHeaderBytes, sealedType, tagBytes, type WireRecord } from './record-reader.ts'

const algorithm = 'aes-256-gcm'
const options = { authTagLength: tagBytes }

/** Seals `data` in as few records as it takes. @returns their bytes, in pieces */
export function seal(data: Uint8ArrayList, keys: RecordKeys): Uint8Array[] {
  const sealed: Uint8Array[] = []
  for (let at = 0; at < data.byteLength; at += recordBytes)
    sealRecord(data.sublist(at, Math.min(at + recordBytes, data.byteLength)), keys, sealed)
  return sealed
}

function sealRecord(data: Uint8ArrayList, keys: RecordKeys, sealed: Uint8Array[]): void {
  const { key, nonce } = keys.next()
  const header = headerOf(data.byteLength + tagBytes)
  const cipher = createCipheriv(algorithm, key, nonce, options)
  cipher.setAAD(header)
  sealed.push(header)
  for (const piece of data) sealed.push(cipher.update(piece))
  cipher.final()
  sealed.push(cipher.getAuthTag())
}

/** The plaintext of a sealed record, in pieces. @throws Error when it was changed, or is not the next one */
export function open({ pieces, bytes }: WireRecord, keys: RecordKeys): Uint8Array[] {
  const { key, nonce } = keys.next()
  const decipher = createDecipheriv(algorithm, key, nonce, options)
  decipher.setAAD(headerOf(bytes))
  const { ciphertext, tag } = split(pieces, bytes - tagBytes)
  const plain = ciphertext.map(piece => decipher.update(piece))
  decipher.setAuthTag(tag)
  // Nothing of it may be used before this says that it is the sender's.
  decipher.final()
  return plain
}

function headerOf(bytes: number): Buffer {
  const header = Buffer.allocUnsafe(sealedHeaderBytes)
  header.writeUInt32BE(((sealedType << 24) | bytes) >>> 0)
  return header
}

/** The tag may itself be cut. */
function split(pieces: Uint8Array[], bytes: number): { ciphertext: Uint8Array[]; tag: Uint8Array } {
  const ciphertext: Uint8Array[] = []
  const tag: Uint8Array[] = []
  let left = bytes
  for (const piece of pieces) {
    const own = Math.min(left, piece.byteLength)
    if (own > 0) ciphertext.push(piece.subarray(0, own))
    if (own < piece.byteLength) tag.push(piece.subarray(own))
    left -= own
  }
  const [first] = tag
  return { ciphertext, tag: tag.length === 1 && first !== undefined ? first : Buffer.concat(tag) }
}

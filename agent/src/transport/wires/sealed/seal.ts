/** Sealed records: AES-256-GCM, the header authenticated with it. */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { RecordKeys } from './record-keys.ts'
import { recordBytes, sealedHeaderBytes, sealedType, tagBytes, type WireRecord } from './record-reader.ts'

const algorithm = 'aes-256-gcm'
const options = { authTagLength: tagBytes }

/**
 * Seals `data` in as few records as it takes.
 * @param mostBytes of the plaintext of one record
 * @returns their bytes, in pieces
 */
export function seal(data: Uint8ArrayList, keys: RecordKeys, mostBytes: number): Uint8Array[] {
  const sealed: Uint8Array[] = []
  for (let at = 0; at < data.byteLength; at += mostBytes)
    sealRecord(data.sublist(at, Math.min(at + mostBytes, data.byteLength)), keys, sealed)
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

/** The plaintext of a sealed record. @throws Error when it was changed, or is not the next one */
export function open({ pieces, bytes }: WireRecord, keys: RecordKeys): Uint8Array {
  const { key, nonce } = keys.next()
  const decipher = createDecipheriv(algorithm, key, nonce, options)
  decipher.setAAD(headerOf(bytes))
  const body = inOnePiece(pieces, bytes)
  const plain = decipher.update(body.subarray(0, bytes - tagBytes))
  decipher.setAuthTag(body.subarray(bytes - tagBytes))
  // Nothing of it may be used before this says that it is the sender's.
  decipher.final()
  return plain
}

/** Bodies that came in pieces, of all connections in turns: a call of AES takes Node as long as a copy of 64 KiB and more. */
let gathered: Buffer | undefined

/** Good until the next body. */
function inOnePiece(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const [first] = pieces
  if (pieces.length === 1 && first !== undefined) return first
  gathered ??= Buffer.allocUnsafeSlow(recordBytes + tagBytes)
  let at = 0
  for (const piece of pieces) {
    gathered.set(piece, at)
    at += piece.byteLength
  }
  return gathered.subarray(0, bytes)
}

function headerOf(bytes: number): Buffer {
  const header = Buffer.allocUnsafe(sealedHeaderBytes)
  header.writeUInt32BE(((sealedType << 24) | bytes) >>> 0)
  return header
}

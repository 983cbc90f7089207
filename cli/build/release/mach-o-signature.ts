/**
 * Signs programs of macOS as `codesign --sign -` does, ad hoc: a list of hashes without a key, which macOS on arm64 asks of every
 * program. The layout is that of the kernel (cs_blobs.h) and of Go's linker, `cmd/internal/codesign`.
 */
import { createHash } from 'node:crypto'

import { readMachO } from './mach-o.ts'

const pageSize = 4096
const magic = { superBlob: 0xfade0cc0, codeDirectory: 0xfade0c02 }
const directoryBytes = 88
/** A super blob with one entry. */
const blobBytes = 20
/** Ad hoc, and made by what links: `codesign` may replace it without being forced. */
const flags = 0x20002
const mainBinary = 1
const commandBytes = 16
const signatureCommand = 0x1d

const aligned = (bytes: number, to: number): number => Math.ceil(bytes / to) * to

/**
 * @param program a Mach-O file for one processor, without a signature
 * @returns a copy with one
 * @throws Error when there is no room for it in the header, or it has a signature
 */
export function signMachO(program: Buffer, identifier: string): Buffer {
  const found = readMachO(program)
  const { linkEdit, text, commandsEnd, firstContent } = found
  if (found.signature !== undefined) throw new Error('Cannot sign: the program has a signature')
  if (commandsEnd + commandBytes > firstContent)
    throw new Error('Cannot sign: the header of the program has no room for one more command')
  const limit = aligned(linkEdit.fileOffset + linkEdit.fileBytes, 16)
  const pages = Math.ceil(limit / pageSize)
  const hashOffset = directoryBytes + identifier.length + 1
  const bytes = aligned(blobBytes + hashOffset + pages * 32, 16)

  const signed = Buffer.alloc(limit + bytes)
  program.copy(signed, 0, 0, linkEdit.fileOffset + linkEdit.fileBytes)
  signed.writeUInt32LE(found.commands + 1, 16)
  signed.writeUInt32LE(found.commandsBytes + commandBytes, 20)
  for (const [at, value] of [signatureCommand, commandBytes, limit, bytes].entries())
    signed.writeUInt32LE(value, commandsEnd + at * 4)
  const linkEditBytes = limit + bytes - linkEdit.fileOffset
  // The pages of arm64 have 16 KiB.
  signed.writeBigUInt64LE(BigInt(aligned(linkEditBytes, 16 * 1024)), linkEdit.at + 32)
  signed.writeBigUInt64LE(BigInt(linkEditBytes), linkEdit.at + 48)

  const directory = codeDirectory(identifier, hashOffset, limit, text)
  writeWords(signed, limit, [magic.superBlob, blobBytes + directory.length + pages * 32, 1, 0, blobBytes])
  directory.copy(signed, limit + blobBytes)
  hashPages(signed, limit).copy(signed, limit + blobBytes + directory.length)
  return signed
}

/** SHA-256 of each 4 KiB of the first `limit` bytes. */
export function hashPages(program: Buffer, limit: number): Buffer {
  const hashes = []
  for (let at = 0; at < limit; at += pageSize) {
    const page = program.subarray(at, Math.min(at + pageSize, limit))
    hashes.push(createHash('sha256').update(page).digest())
  }
  return Buffer.concat(hashes)
}

/** Version 0x20400, big endian, up to its hashes, which follow. */
function codeDirectory(
  identifier: string,
  hashOffset: number,
  limit: number,
  text: { fileOffset: number; fileBytes: number },
): Buffer {
  const pages = Math.ceil(limit / pageSize)
  const directory = Buffer.alloc(hashOffset)
  const length = hashOffset + pages * 32
  writeWords(directory, 0, [magic.codeDirectory, length, 0x20400, flags, hashOffset, directoryBytes])
  // No special slots; hashes of 32 bytes, SHA-256, no platform, pages of 2^12 bytes.
  writeWords(directory, 24, [0, pages, limit])
  directory.set([32, 2, 0, Math.log2(pageSize)], 36)
  directory.writeBigUInt64BE(BigInt(text.fileOffset), 64)
  directory.writeBigUInt64BE(BigInt(text.fileBytes), 72)
  directory.writeBigUInt64BE(BigInt(mainBinary), 80)
  directory.write(identifier, directoryBytes, 'latin1')
  return directory
}

function writeWords(to: Buffer, offset: number, words: readonly number[]): void {
  for (const [at, word] of words.entries()) to.writeUInt32BE(word, offset + at * 4)
}

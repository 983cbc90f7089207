/** Reads signatures of programs of macOS, for specs: of the SHA-256 hashes alone, whatever the key. */
import { readMachO } from './mach-o.ts'

const magic = { superBlob: 0xfade0cc0, codeDirectory: 0xfade0c02 }
const sha256 = 2

/** What a signature says of the program's pages. */
export interface SignedPages {
  identifier: string
  /** So many bytes of the file are signed. */
  limit: number
  pageBytes: number
  /** Of each page, hexadecimal. */
  hashes: readonly string[]
}

/** @throws Error when there is no signature with SHA-256 hashes */
export function signedPages(program: Buffer): SignedPages {
  const { signature } = readMachO(program)
  const blob = program.subarray(signature?.offset, (signature?.offset ?? 0) + (signature?.bytes ?? 0))
  if (signature === undefined || blob.readUInt32BE(0) !== magic.superBlob)
    throw new Error('Cannot read the signature: there is none')
  const offsets = Array.from({ length: blob.readUInt32BE(8) }, (_, i) => blob.readUInt32BE(16 + i * 8))
  const directory = offsets
    .map(offset => blob.subarray(offset))
    .find(one => one.readUInt32BE(0) === magic.codeDirectory && one[37] === sha256)
  if (directory === undefined) throw new Error('Cannot read the signature: it has no SHA-256 hashes')
  const hashesAt = directory.readUInt32BE(16)
  const identifierAt = directory.readUInt32BE(20)
  return {
    identifier: directory.toString('latin1', identifierAt, directory.indexOf(0, identifierAt)),
    limit: directory.readUInt32BE(32),
    pageBytes: 2 ** (directory[39] ?? 0),
    hashes: Array.from({ length: directory.readUInt32BE(28) }, (_, i) =>
      directory.toString('hex', hashesAt + i * 32, hashesAt + (i + 1) * 32),
    ),
  }
}

/** Windows' programs: as much of their header as says where a signature is. */

/** In the optional header of a program of 64 bits: which it is, and its fifth directory, of two words. */
const wide = 0x20b
const certificateAt = 112 + 4 * 8

/** Where the header names the signature. @throws Error when it is no program of 64 bits */
function certificateEntry(program: Buffer): number {
  const header = program.length > 0x40 ? program.readUInt32LE(0x3c) : program.length
  const optional = header + 24
  if (
    optional + certificateAt + 8 > program.length ||
    program.toString('latin1', header, header + 4) !== 'PE\0\0' ||
    program.readUInt16LE(optional) !== wide
  )
    throw new Error('Cannot read the program: it is no program of Windows for 64 bits')
  return optional + certificateAt
}

/** Whether its header names a signature, right or not. */
export const hasCertificate = (program: Buffer): boolean =>
  program.readUInt32LE(certificateEntry(program) + 4) > 0

/** Changes the header, so that it names none: one that was made for another content is worse than none. */
export function dropCertificate(program: Buffer): void {
  program.fill(0, certificateEntry(program), certificateEntry(program) + 8)
}

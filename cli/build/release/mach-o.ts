/** Reads as much of a Mach-O file, 64 bits and for one processor, as its signature needs. */

export interface Segment {
  name: string
  /** Of its load command, bytes from the start of the file. */
  at: number
  fileOffset: number
  fileBytes: number
}

export interface MachO {
  arch: 'x64' | 'arm64'
  commands: number
  commandsBytes: number
  commandsEnd: number
  /** Where the content of the first section begins: the header ends before it. */
  firstContent: number
  segments: readonly Segment[]
  text: Segment
  /** The last one; a signature is at its end. */
  linkEdit: Segment
  signature: { offset: number; bytes: number } | undefined
}

const magic = 0xfeedfacf
const processors = new Map<number, MachO['arch']>([
  [0x01000007, 'x64'],
  [0x0100000c, 'arm64'],
])
const command = { segment: 0x19, signature: 0x1d }
const headerBytes = 32
const segmentBytes = 72
const sectionBytes = 80

/** @throws Error when it is no such file, or its segments are not in the order that a signature needs */
export function readMachO(file: Buffer): MachO {
  const arch = file.length > headerBytes ? processors.get(file.readUInt32LE(4)) : undefined
  if (arch === undefined || file.readUInt32LE(0) !== magic)
    throw new Error('Cannot read the program: it is no Mach-O file for x64 or arm64')
  const commands = file.readUInt32LE(16)
  const commandsBytes = file.readUInt32LE(20)
  const segments: Segment[] = []
  let signature: MachO['signature']
  let firstContent = Number.MAX_SAFE_INTEGER
  let at = headerBytes
  for (let i = 0; i < commands; i++) {
    const kind = file.readUInt32LE(at)
    if (kind === command.segment) {
      segments.push(segmentAt(file, at))
      firstContent = Math.min(firstContent, ...contentsOf(file, at))
    }
    if (kind === command.signature)
      signature = { offset: file.readUInt32LE(at + 8), bytes: file.readUInt32LE(at + 12) }
    at += file.readUInt32LE(at + 4)
  }
  const text = segments.find(({ name }) => name === '__TEXT')
  const linkEdit = segments.at(-1)
  if (text === undefined || linkEdit?.name !== '__LINKEDIT')
    throw new Error('Cannot read the program: __LINKEDIT is not its last segment, or it has no __TEXT')
  return { arch, commands, commandsBytes, commandsEnd: at, firstContent, segments, text, linkEdit, signature }
}

function segmentAt(file: Buffer, at: number): Segment {
  const name = file.toString('latin1', at + 8, at + 24).replace(/\0+$/, '')
  const number = (offset: number) => Number(file.readBigUInt64LE(at + offset))
  return { name, at, fileOffset: number(40), fileBytes: number(48) }
}

/** Where its sections begin in the file; one without content has no place there. */
function contentsOf(file: Buffer, at: number): number[] {
  const sections = file.readUInt32LE(at + 64)
  const offsets = Array.from({ length: sections }, (_, i) =>
    file.readUInt32LE(at + segmentBytes + i * sectionBytes + 48),
  )
  return offsets.filter(offset => offset > 0)
}

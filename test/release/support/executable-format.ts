import { readMachO } from '../../../cli/build/release/mach-o.ts'

const elf = new Map([
  [62, 'x64'],
  [183, 'arm64'],
])
const portable = new Map([[0x8664, 'x64']])

/** @returns the system and the processor as Node names them, `linux arm64`; undefined for another one */
export function formatOf(program: Buffer): string | undefined {
  if (program.readUInt32BE(0) === 0x7f454c46) return named('linux', elf.get(program.readUInt16LE(18)))
  if (program.toString('latin1', 0, 2) !== 'MZ') return named('darwin', readMachO(program).arch)
  const header = program.readUInt32LE(0x3c)
  const isPortable = program.toString('latin1', header, header + 4) === 'PE\0\0'
  return named('win32', isPortable ? portable.get(program.readUInt16LE(header + 4)) : undefined)
}

const named = (os: string, arch: string | undefined) => (arch === undefined ? undefined : `${os} ${arch}`)

/** The signature that macOS asks of a program, on a program of one page of code. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'

import { signedPages } from './code-directory.ts'
import { signMachO } from './mach-o-signature.ts'
import { readMachO } from './mach-o.ts'

const page = 4096

/** @param room between the load commands and the first section, bytes */
function program({ room = 64, name = '__LINKEDIT' } = {}): Buffer {
  const commandsBytes = 72 + 80 + 72
  const file = Buffer.alloc(page + 100, 0x90)
  file.fill(0, 0, 32 + commandsBytes + room)
  for (const [at, word] of [0xfeedfacf, 0x0100000c, 0, 2, 2, commandsBytes].entries())
    file.writeUInt32LE(word, at * 4)
  segment(file, 32, '__TEXT', 0, page)
  file.writeUInt32LE(72 + 80, 36)
  file.writeUInt32LE(1, 32 + 64)
  file.writeUInt32LE(32 + commandsBytes + room, 32 + 72 + 48)
  segment(file, 32 + 72 + 80, name, page, 100)
  return file
}

function segment(file: Buffer, at: number, name: string, offset: number, bytes: number) {
  file.writeUInt32LE(0x19, at)
  file.writeUInt32LE(72, at + 4)
  file.write(name, at + 8, 'latin1')
  file.writeBigUInt64LE(BigInt(bytes), at + 32)
  file.writeBigUInt64LE(BigInt(offset), at + 40)
  file.writeBigUInt64LE(BigInt(bytes), at + 48)
}

describe('a signed program', () => {
  const signed = signMachO(program(), 'agent-mesh')
  const { signature, linkEdit, commands, commandsBytes, commandsEnd } = readMachO(signed)

  test('names its signature, which is the end of __LINKEDIT and of the file', () => {
    expect([commands, commandsBytes, commandsEnd]).toEqual([3, 240, 272])
    expect(signature?.offset).toBe(page + 112)
    expect((signature?.offset ?? 0) + (signature?.bytes ?? 0)).toBe(signed.length)
    expect(linkEdit.fileOffset + linkEdit.fileBytes).toBe(signed.length)
  })

  test('has the hash of each page, also of the last one, which is not whole', () => {
    const { identifier, hashes, limit } = signedPages(signed)
    expect([identifier, limit]).toEqual(['agent-mesh', page + 112])
    const wanted = [signed.subarray(0, page), signed.subarray(page, page + 112)]
    expect(hashes).toEqual(wanted.map(one => createHash('sha256').update(one).digest('hex')))
  })

  test('keeps what it was but for the header', () => {
    const before = program()
    expect(signed.subarray(272, before.length).equals(before.subarray(272))).toBe(true)
  })
})

test.each([
  ['no room', program({ room: 8 }), 'no room for one more command'],
  ['a signature', signMachO(program(), 'agent-mesh'), 'the program has a signature'],
  ['another last segment', program({ name: '__DATA' }), '__LINKEDIT is not its last segment'],
  ['another format', Buffer.alloc(page), 'it is no Mach-O file'],
])('%s: it is refused', (_, file, reason) => {
  expect(() => signMachO(file, 'agent-mesh')).toThrow(reason)
})
